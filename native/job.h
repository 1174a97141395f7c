// A binding ends in execute(): it has read its arguments into plain pointers and numbers, and gives the work
// of the call as a function over a range of independent units (elements, rows or blocks).
#pragma once

#include <napi.h>

namespace modelpress {

template <class Run>
void execute(const Napi::CallbackInfo&, size_t units, const Run& run) {
  if (units > 0) run(size_t{0}, units);
}

}  // namespace modelpress

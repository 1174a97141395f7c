#include "../args.h"
#include "../bindings.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

namespace modelpress {

// (descriptor) -> the bytes of an open regular file; -1 for everything else, and on Windows, where a
// descriptor of Node's C library means nothing here. Node's own fstatSync takes 0.1 ms at its first call and
// 4 us at others, and views of a mapped file ask each time.
Napi::Value binding::file_size(const Napi::CallbackInfo& info) {
  const int descriptor = descriptor_arg(info, 0);
  double size = -1;
#ifdef _WIN32
  static_cast<void>(descriptor);
#else
  struct stat found;
  if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode)) size = static_cast<double>(found.st_size);
#endif
  return Napi::Number::New(info.Env(), size);
}

}  // namespace modelpress

#pragma once

#include <cstddef>
#include <functional>

namespace modelpress {

// Calls task(0) ... task(count - 1), on at most `threads` threads of which the caller is one, and returns
// when all are done. The other threads are the process's own: they are started when they are first needed and
// serve every environment. If a task throws, no others are
// begun and the exception comes out here. Any thread may call this, also several at once.
void parallel_for(size_t count, size_t threads, const std::function<void(size_t)>& task);

// How many threads this process may run at a time; 1 at least.
size_t processor_count();

}  // namespace modelpress

// A binding ends in execute(): it has read its arguments into plain pointers and numbers, and gives the work
// of the call as a function over ranges of independent units (elements, rows or blocks). Called on a backend
// it runs to the end, called on the backend's `async` it returns a promise; the last two arguments of every
// operation, threads and cancel, belong to it.
#pragma once

#include <napi.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "args.h"
#include "threads.h"

namespace modelpress {

struct Units {
  size_t count;
  size_t bytes;  // of one unit, counted as float32
};

// Below these many bytes in all, waking a thread costs as much as it saves (measured).
constexpr size_t kThreadsPay = size_t{1} << 20;
// A chunk stays in the cache, or is large enough that a kernel goes around it. Either depends on the size of
// the whole alone, so that where a chunk ends never depends on how many threads there are.
constexpr size_t kSmallChunk = size_t{512} << 10;
constexpr size_t kLargeChunk = size_t{32} << 20;
// A multiple that keeps chunks of any element type aligned to cache lines as well as the array is.
constexpr size_t kUnitMultiple = 64;

inline size_t chunk_size(Units units) {
  const size_t bytes = units.count * units.bytes >= 2 * kLargeChunk ? kLargeChunk : kSmallChunk;
  const size_t size = bytes / std::max<size_t>(1, units.bytes);
  return size < kUnitMultiple ? std::max<size_t>(1, size) : size / kUnitMultiple * kUnitMultiple;
}

// 0 leaves the number to the size of the work.
inline size_t thread_count(size_t threads, Units units) {
  if (threads > 0) return threads;
  return units.count * units.bytes < kThreadsPay ? 1 : processor_count();
}

// Set to anything but 0 by the caller's thread to stop.
using Cancel = const std::atomic<int32_t>*;

// Runs one step of a call: run(begin, end) for ranges that cover the units once, possibly on several threads.
class Steps {
 public:
  Steps(size_t threads, bool async, Cancel cancel) : threads_(threads), async_(async), cancel_(cancel) {}

  template <class Run>
  void operator()(Units units, const Run& run) const {
    const size_t threads = thread_count(threads_, units);
    if (threads == 1 && !async_) {
      if (units.count > 0) run(size_t{0}, units.count);  // in one piece: kernels see the size of the whole
      return;
    }
    const size_t size = chunk_size(units);
    parallel_for((units.count + size - 1) / size, threads, [&](size_t i) {
      if (!cancelled()) run(i * size, std::min(units.count, (i + 1) * size));
    });
  }

  bool cancelled() const { return cancel_ != nullptr && cancel_->load(std::memory_order_relaxed) != 0; }

 private:
  size_t threads_;
  bool async_;
  Cancel cancel_;
};

// Runs `work` on another thread, with all arguments of the call kept alive; a promise that resolves
// afterwards.
Napi::Value run_later(const Napi::CallbackInfo& info, std::function<void()> work);

// A call of several steps: work(steps) calls steps(units, run) for each. It is copied: what it captures must
// be values, and state that its steps share is held by a shared_ptr.
template <class Work>
Napi::Value execute_steps(const Napi::CallbackInfo& info, size_t index, const Work& work) {
  const size_t threads = threads_arg(info, index);
  if (!is_async(info)) {
    work(Steps(threads, false, nullptr));
    return info.Env().Undefined();
  }
  const Steps steps(threads, true, cancel_arg(info, index + 1));
  return run_later(info, [=] { work(steps); });
}

// A call of one step; finish() comes after it, once.
template <class Run, class Finish>
Napi::Value execute(const Napi::CallbackInfo& info, size_t index, Units units, const Run& run,
                    const Finish& finish) {
  return execute_steps(info, index, [=](const Steps& steps) {
    steps(units, run);
    finish();
  });
}

template <class Run>
Napi::Value execute(const Napi::CallbackInfo& info, size_t index, Units units, const Run& run) {
  return execute(info, index, units, run, [] {});
}

}  // namespace modelpress

#include "threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace modelpress {
namespace {

// Node unloads an addon with the last worker that used it; threads that wait in it need its code to stay.
void stay_loaded() {
#ifdef _WIN32
  HMODULE self;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<const wchar_t*>(&stay_loaded), &self);
#else
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self) != 0)
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
#endif
}

// A thread that sleeps needs this long to wake up on a virtual machine, as long as it takes to read a few
// megabytes: one that has nothing to do looks around for so long before it sleeps.
constexpr std::chrono::microseconds kLookAround{100};

// Whether it has become so; others may run meanwhile.
template <class Condition>
bool becomes_soon(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + kLookAround;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::yield();
  }
  return true;
}

// One call of parallel_for.
struct Batch {
  const std::function<void(size_t)>& task;
  const size_t count;
  size_t helpers_wanted;
  std::atomic<size_t> helpers_at_work{0};
  std::atomic<size_t> next{0};
  std::mutex failure_mutex{};
  std::exception_ptr failure{};

  void work() {
    try {
      for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) task(i);
    } catch (...) {
      next.store(count, std::memory_order_relaxed);
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  }
};

class Pool {
 public:
  void run(size_t count, size_t helpers, const std::function<void(size_t)>& task) {
    Batch batch{task, count, helpers};
    std::unique_lock lock(mutex_);
    start(helpers);
    const auto place = batches_.insert(batches_.end(), &batch);
    posted_.fetch_add(1, std::memory_order_release);
    lock.unlock();
    for (size_t i = 0; i < helpers; ++i) wake_.notify_one();
    batch.work();
    lock.lock();
    batches_.erase(place);
    lock.unlock();
    const auto is_done = [&] { return batch.helpers_at_work.load(std::memory_order_acquire) == 0; };
    if (!becomes_soon(is_done)) {
      lock.lock();
      done_.wait(lock, is_done);
    }
    if (batch.failure) std::rethrow_exception(batch.failure);
  }

 private:
  void start(size_t helpers) {
    if (threads_ == 0) stay_loaded();
    for (; threads_ < helpers; ++threads_) {
      try {
        std::thread(&Pool::serve, this).detach();
      } catch (const std::system_error&) {
        return;  // the system gives no more; those that are there do the work
      }
    }
  }

  [[noreturn]] void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      const auto wanting = std::find_if(batches_.begin(), batches_.end(),
                                        [](const Batch* batch) { return batch->helpers_wanted > 0; });
      if (wanting == batches_.end()) {
        const size_t seen = posted_.load(std::memory_order_acquire);
        const auto is_posted = [&] { return posted_.load(std::memory_order_acquire) != seen; };
        lock.unlock();
        const bool posted = becomes_soon(is_posted);
        lock.lock();
        if (!posted) wake_.wait(lock, is_posted);
        continue;
      }
      Batch& batch = **wanting;
      --batch.helpers_wanted;
      ++batch.helpers_at_work;
      lock.unlock();
      batch.work();
      lock.lock();
      // The batch may be gone right after this.
      if (batch.helpers_at_work.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::list<Batch*> batches_;
  std::atomic<size_t> posted_{0};  // batches so far
  size_t threads_ = 0;
};

// Never destroyed: its threads wait in it until the process ends.
Pool& pool() {
  static Pool& the_pool = *new Pool;
  return the_pool;
}

}  // namespace

size_t processor_count() {
  static const size_t count = std::max(1u, std::thread::hardware_concurrency());
  return count;
}

void parallel_for(size_t count, size_t threads, const std::function<void(size_t)>& task) {
  const size_t helpers = std::min(count, threads) - (count > 0 && threads > 0 ? 1 : 0);
  if (helpers > 0) return pool().run(count, helpers, task);
  for (size_t i = 0; i < count; ++i) task(i);
}

}  // namespace modelpress

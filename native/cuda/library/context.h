// What the process has of the device: streams with staging memory of their own, and memory that is used
// again from call to call.
#pragma once

#include <cuda_runtime.h>

#include <mutex>

#include "../abi.h"

namespace modelpress {

// Memory that grows to what is asked for and is kept. What was in it is lost when it grows.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  ~DeviceMemory() { static_cast<void>(cudaFree(data_)); }
  void* reserve(size_t bytes);
  // The same, but null where the device has too little.
  void* try_reserve(size_t bytes);
  void release();

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Host memory that the device copies from and to by itself.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  PinnedMemory(const PinnedMemory&) = delete;
  void* reserve(size_t bytes);

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// One of the chunks that are under way at a time.
struct Slot {
  cudaStream_t stream = nullptr;
  // Before and after the copy to the device, and after the kernels and the copy to the host.
  cudaEvent_t begun = nullptr, copied = nullptr, computed = nullptr, done = nullptr;
  PinnedMemory host_in, host_out;
  DeviceMemory in, out;
};

// While one chunk is staged, the second computes and the third comes back.
constexpr size_t kSlots = 3;

struct Context {
  std::mutex mutex;
  Slot slots[kSlots];
  // Scales and zero points; results of reductions.
  DeviceMemory parameters, results;
  CudaTimes times{};
  unsigned max_blocks = 1;

  // Streams and events are made when they are first needed.
  Slot& slot(size_t i);
};

// Waits until the bytes are there: they would pass other streams on their way otherwise.
void copy_to_device(void* to, const void* from, size_t bytes);
void copy_to_host(void* to, const void* from, size_t bytes);

// Of this process. It is never destroyed: the driver may be gone before static objects are.
Context& context();

// The calling thread's hold of the context, for one call.
class Session {
 public:
  explicit Session(CudaCall* call);
  // Nothing may be under way when buffers are used again, whatever happened.
  ~Session();
  Session(const Session&) = delete;

  Context& operator*() const { return context_; }
  Context* operator->() const { return &context_; }
  bool cancelled() const;

 private:
  Context& context_;
  std::lock_guard<std::mutex> lock_;
  const CudaCall* call_;
};

}  // namespace modelpress

#include <atomic>

#include "check.h"
#include "context.h"

namespace modelpress {

void* DeviceMemory::reserve(size_t bytes) {
  if (bytes <= bytes_) return data_;
  release();
  check(cudaMalloc(&data_, bytes), "cudaMalloc");
  bytes_ = bytes;
  return data_;
}

void* DeviceMemory::try_reserve(size_t bytes) {
  if (bytes <= bytes_) return data_;
  release();
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    data_ = nullptr;
    return nullptr;
  }
  check(status, "cudaMalloc");
  bytes_ = bytes;
  return data_;
}

void DeviceMemory::release() {
  void* const data = data_;
  data_ = nullptr;
  bytes_ = 0;
  if (data != nullptr) check(cudaFree(data), "cudaFree");
}

void* PinnedMemory::reserve(size_t bytes) {
  if (bytes <= bytes_) return data_;
  void* const data = data_;
  data_ = nullptr;
  bytes_ = 0;
  if (data != nullptr) check(cudaFreeHost(data), "cudaFreeHost");
  check(cudaHostAlloc(&data_, bytes, cudaHostAllocDefault), "cudaHostAlloc");
  bytes_ = bytes;
  return data_;
}

Slot& Context::slot(size_t i) {
  Slot& slot = slots[i];
  if (slot.stream == nullptr)
    check(cudaStreamCreateWithFlags(&slot.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  for (cudaEvent_t* event : {&slot.begun, &slot.copied, &slot.computed, &slot.done})
    if (*event == nullptr) check(cudaEventCreate(event), "cudaEventCreate");
  return slot;
}

void copy_to_device(void* to, const void* from, size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
  check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
}

void copy_to_host(void* to, const void* from, size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

Context& context() {
  static Context& only = *new Context;
  return only;
}

Session::Session(CudaCall* call) : context_(context()), lock_(context_.mutex), call_(call) {
  check(cudaSetDevice(0), "cudaSetDevice");  // each thread has a device of its own
  context_.times = {};
}

Session::~Session() {
  for (Slot& slot : context_.slots)
    if (slot.stream != nullptr) static_cast<void>(cudaStreamSynchronize(slot.stream));
  static_cast<void>(cudaGetLastError());
}

bool Session::cancelled() const {
  return call_->cancel != nullptr &&
         reinterpret_cast<const std::atomic<int32_t>*>(call_->cancel)->load(std::memory_order_relaxed) != 0;
}

}  // namespace modelpress

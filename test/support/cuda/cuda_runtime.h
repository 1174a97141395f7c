// Stands in for the CUDA runtime where the library is compiled for a processor: what the library calls, and
// no more. Work on a stream is done as late as it may be, when somebody waits for it, so that whoever does
// not wait finds what was there before. Copies have to stay inside what was allocated, and asynchronous ones
// have to name pinned memory; right after memory of the device lies a page that nobody may touch.
//
//   MODELPRESS_SHIM_FAIL=cudaMalloc:2:2   the second call of cudaMalloc from now on gives error 2
//   MODELPRESS_SHIM_MEMORY=65536          bytes that the device has
//   MODELPRESS_SHIM_TRACE=path            a line for every call goes there
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "device.h"

enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrMemoryClockRate = 36,
  cudaDevAttrGlobalMemoryBusWidth = 37,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
};
constexpr unsigned cudaHostAllocDefault = 0;
constexpr unsigned cudaStreamNonBlocking = 1;

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
};

using cudaStream_t = shim::Stream*;
using cudaEvent_t = shim::Event*;

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

#define SHIM_CALL(details) \
  if (const cudaError_t status = shim::begin(__func__, details); status != cudaSuccess) return status

inline const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    default:
      return "cudaErrorInvalidValue";
  }
}
inline const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "out of memory" : "stand-in for the CUDA runtime";
}
inline cudaError_t cudaGetLastError() { return std::exchange(shim::state.last, cudaSuccess); }

inline int shim_version(const char* variable) {
  const char* const text = getenv(variable);
  return text && *text ? atoi(text) : 13000;
}
inline cudaError_t cudaDriverGetVersion(int* version) {
  SHIM_CALL("");
  *version = shim_version("MODELPRESS_SHIM_DRIVER");
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  SHIM_CALL("");
  *version = 13000;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  SHIM_CALL("");
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int) {
  SHIM_CALL("");
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  SHIM_CALL("");
  snprintf(properties->name, sizeof(properties->name), "this processor, through a shim");
  properties->totalGlobalMem = size_t{1} << 30;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  SHIM_CALL("");
  *value = which == cudaDevAttrMultiProcessorCount      ? 1
           : which == cudaDevAttrComputeCapabilityMajor ? shim_version("MODELPRESS_SHIM_CAPABILITY") / 1000
                                                        : 0;
  return cudaSuccess;
}

template <class T>
cudaError_t cudaMalloc(T** data, size_t bytes) {
  SHIM_CALL(" " + std::to_string(bytes) + " bytes");
  const char* const most = getenv("MODELPRESS_SHIM_MEMORY");
  if (most && *most && shim::state.device_bytes + bytes > strtoull(most, nullptr, 10))
    return shim::failed(cudaErrorMemoryAllocation);
  size_t mapped = 0;
  char* const memory = shim::map_before_guard(bytes, mapped);
  shim::state.device[memory] = bytes;
  shim::state.device_bytes += bytes;
  *data = reinterpret_cast<T*>(memory);
  return cudaSuccess;
}

// Waits for everything, as the real one does. The addresses are not used again, so that whoever still does
// is found.
inline cudaError_t cudaFree(void* data) {
  SHIM_CALL("");
  shim::finish_all();
  const auto found = shim::state.device.find(static_cast<const char*>(data));
  if (found == shim::state.device.end()) return shim::failed(cudaErrorInvalidValue);
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* const first = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(data) / page * page);
  const size_t mapped =
      static_cast<size_t>(static_cast<char*>(data) - first) + (found->second + 15) / 16 * 16;
  mmap(first, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  shim::state.device_bytes -= found->second;
  shim::state.device.erase(found);
  return cudaSuccess;
}

inline cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  SHIM_CALL(" " + std::to_string(bytes) + " bytes");
  *data = malloc(bytes);
  shim::state.pinned[static_cast<const char*>(*data)] = bytes;
  return cudaSuccess;
}
inline cudaError_t cudaFreeHost(void* data) {
  SHIM_CALL("");
  shim::finish_all();
  if (shim::state.pinned.erase(static_cast<const char*>(data)) == 0)
    return shim::failed(cudaErrorInvalidValue);
  free(data);
  return cudaSuccess;
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  SHIM_CALL("");
  shim::state.streams.push_back(std::make_unique<shim::Stream>());
  *stream = shim::state.streams.back().get();
  (*stream)->number = static_cast<int>(shim::state.streams.size());
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  SHIM_CALL("");
  shim::Stream& own = shim::stream_of(stream);
  own.finish(own.issued);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
  SHIM_CALL("");
  *event = new shim::Event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  SHIM_CALL("");
  event->stream = &shim::stream_of(stream);
  event->stream->add([=] { event->milliseconds = event->stream->milliseconds; });
  event->ticket = event->stream->issued;
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  SHIM_CALL("");
  if (event->stream) event->stream->finish(event->ticket);
  return cudaSuccess;
}
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  SHIM_CALL("");
  *milliseconds = static_cast<float>(to->milliseconds - from->milliseconds);
  return cudaSuccess;
}

inline bool shim_may_copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool is_pinned) {
  const auto& [device, pinned] = std::tie(shim::state.device, shim::state.pinned);
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  return (to_device ? shim::is_within(device, to, bytes)
                    : !is_pinned || shim::is_within(pinned, to, bytes)) &&
         (from_device ? shim::is_within(device, from, bytes)
                      : !is_pinned || shim::is_within(pinned, from, bytes));
}

inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
  SHIM_CALL((kind == cudaMemcpyHostToDevice ? " to device" : " to host") + shim::bytes_on(bytes, stream));
  if (!shim_may_copy(to, from, bytes, kind, true)) return shim::failed(cudaErrorInvalidValue);
  shim::copy(shim::stream_of(stream), to, from, bytes);
  return cudaSuccess;
}

// To the device it returns once the bytes have left; from there, once they have arrived.
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  SHIM_CALL("");
  if (!shim_may_copy(to, from, bytes, kind, false)) return shim::failed(cudaErrorInvalidValue);
  shim::Stream& stream = shim::state.null_stream;
  if (kind == cudaMemcpyHostToDevice) {
    const auto left = std::make_shared<std::vector<char>>(static_cast<const char*>(from),
                                                          static_cast<const char*>(from) + bytes);
    stream.add([=] { std::memcpy(to, left->data(), bytes); });
  } else {
    shim::copy(stream, to, from, bytes);
    stream.finish(stream.issued);
  }
  return cudaSuccess;
}

template <class T>
bool shim_is_device_argument(const T& argument) {
  if constexpr (std::is_pointer_v<T>)
    return argument == nullptr || shim::is_within(shim::state.device, argument, 0);
  else
    return true;
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
  SHIM_CALL(shim::bytes_on(0, config->stream));
  if (config->gridDim.x == 0 || !(shim_is_device_argument(arguments) && ...))
    return shim::failed(cudaErrorInvalidValue);
  shim::Stream& stream = shim::stream_of(config->stream);
  const std::tuple<Parameters...> copied(arguments...);
  const dim3 blocks = config->gridDim;
  const dim3 threads = config->blockDim;
  stream.add([=, &stream] {
    simt::run_grid(blocks, threads, [&] { std::apply(kernel, copied); });
    stream.milliseconds += 1;
  });
  return cudaSuccess;
}

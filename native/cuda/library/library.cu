#include <stdio.h>

#include <memory>

#include "check.h"
#include "context.h"
#include "operations.h"
#include "settings.h"

#if defined(_WIN32)
#define MODELPRESS_EXPORT __declspec(dllexport)
#else
#define MODELPRESS_EXPORT __attribute__((visibility("default")))
#endif

namespace modelpress {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

void require_driver() {
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  if (driver == 0) throw std::runtime_error("no NVIDIA driver is installed");
  // Any driver of the same major version will do.
  if (driver / 1000 < runtime / 1000)
    throw std::runtime_error("the NVIDIA driver supports CUDA " + version_text(driver) +
                             " and has to support " + version_text(runtime / 1000 * 1000) + ": update it");
}

void require_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaErrorNoDevice) check(status, "cudaGetDeviceCount");
  if (count == 0) throw std::runtime_error("the NVIDIA driver found no device");
}

int attribute(cudaDeviceAttr which) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
  return value;
}

constexpr int kLeastCapability = 75;
constexpr unsigned kBlocksPerProcessor = 8;

int32_t open_device(CudaCall* call, CudaDevice* device) {
  return guarded(call, [&] {
    require_driver();
    require_device();
    const int major = attribute(cudaDevAttrComputeCapabilityMajor);
    const int minor = attribute(cudaDevAttrComputeCapabilityMinor);
    const auto properties = std::make_unique<cudaDeviceProp>();
    check(cudaGetDeviceProperties(properties.get(), 0), "cudaGetDeviceProperties");
    if (10 * major + minor < kLeastCapability)
      throw std::runtime_error(std::string(properties->name) + " has compute capability " +
                               std::to_string(major) + "." + std::to_string(minor) + ", 7.5 is needed");
    const double clock = 1e3 * attribute(cudaDevAttrMemoryClockRate);
    const double width = attribute(cudaDevAttrGlobalMemoryBusWidth) / 8.0;
    context().max_blocks =
        static_cast<unsigned>(attribute(cudaDevAttrMultiProcessorCount)) * kBlocksPerProcessor;
    snprintf(device->name, sizeof(device->name), "%s", properties->name);
    device->memory_bytes = properties->totalGlobalMem;
    device->bytes_per_second = 2 * clock * width;  // twice a clock, as all of these memories
    device->capability_major = major;
    device->capability_minor = minor;
  });
}

int32_t allocate(CudaCall* call, uint64_t bytes, void** data) {
  return guarded(call, [&] {
    const Session session(call);
    check(cudaMalloc(data, bytes > 0 ? bytes : 1), "cudaMalloc");
  });
}

// Whoever gives memory back cannot do anything about a failure.
void release(void* data) {
  CudaCall call = {};
  guarded(&call, [&] {
    const Session session(&call);
    check(cudaFree(data), "cudaFree");
  });
}

int32_t upload(CudaCall* call, const void* from, void* to, uint64_t bytes) {
  return guarded(call, [&] {
    const Session session(call);
    if (bytes > 0) copy_to_device(to, from, bytes);
  });
}

int32_t download(CudaCall* call, const void* from, void* to, uint64_t bytes) {
  return guarded(call, [&] {
    const Session session(call);
    if (bytes > 0) copy_to_host(to, from, bytes);
  });
}

CudaTimes times() { return context().times; }

constexpr CudaLibrary kLibrary = {
    kCudaAbi,
    MODELPRESS_CUDA_NAME,
    kLeastBytes,
    open_device,
    allocate,
    release,
    upload,
    download,
    times,
    cuda_min_max,
    cuda_min_max_per_axis,
    cuda_quantize_linear,
    cuda_dequantize_linear,
    cuda_dynamic_quantize_linear,
    cuda_cast,
    cuda_magnitude_threshold,
    cuda_prune_magnitude,
    cuda_prune_to_threshold,
    cuda_prune_nm,
    cuda_quantize_blockwise,
    cuda_dequantize_blockwise,
    cuda_pack_bitmask,
    cuda_unpack_bitmask,
};

}  // namespace
}  // namespace modelpress

extern "C" MODELPRESS_EXPORT const modelpress::CudaLibrary* modelpress_cuda() {
  return &modelpress::kLibrary;
}

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "bindings.h"
#include "loader.h"
#include "operand.h"

namespace modelpress {
namespace {

struct CudaTargets {
  CudaTarget now, later;
};

// Functions point at their target for as long as the process lives.
const CudaTargets& targets_of(const CudaLibrary& library) {
  static std::mutex mutex;
  static std::map<const CudaLibrary*, CudaTargets> all;
  const std::lock_guard<std::mutex> lock(mutex);
  return all.insert({&library, {{&library, false}, {&library, true}}}).first->second;
}

template <Napi::Value (*operation)(const Napi::CallbackInfo&)>
void add(Napi::Object& operations, const char* name, const CudaTarget& target) {
  operations.Set(name,
                 Napi::Function::New<operation>(operations.Env(), name, const_cast<CudaTarget*>(&target)));
}

Napi::Object operations_of(Napi::Env env, const CudaTarget& target) {
  Napi::Object operations = Napi::Object::New(env);
  add<cuda_binding::min_max>(operations, "minMax", target);
  add<cuda_binding::min_max_per_axis>(operations, "minMaxPerAxis", target);
  add<cuda_binding::quantize_linear>(operations, "quantizeLinear", target);
  add<cuda_binding::quantize_linear_per_axis>(operations, "quantizeLinearPerAxis", target);
  add<cuda_binding::quantize_linear_blocked>(operations, "quantizeLinearBlocked", target);
  add<cuda_binding::dequantize_linear>(operations, "dequantizeLinear", target);
  add<cuda_binding::dequantize_linear_per_axis>(operations, "dequantizeLinearPerAxis", target);
  add<cuda_binding::dequantize_linear_blocked>(operations, "dequantizeLinearBlocked", target);
  add<cuda_binding::dynamic_quantize_linear>(operations, "dynamicQuantizeLinear", target);
  add<cuda_binding::float32_to_float16>(operations, "float32ToFloat16", target);
  add<cuda_binding::float16_to_float32>(operations, "float16ToFloat32", target);
  add<cuda_binding::float32_to_bfloat16>(operations, "float32ToBfloat16", target);
  add<cuda_binding::bfloat16_to_float32>(operations, "bfloat16ToFloat32", target);
  add<cuda_binding::magnitude_threshold>(operations, "magnitudeThreshold", target);
  add<cuda_binding::prune_magnitude>(operations, "pruneMagnitude", target);
  add<cuda_binding::prune_to_threshold>(operations, "pruneToThreshold", target);
  add<cuda_binding::prune_nm>(operations, "pruneNM", target);
  add<cuda_binding::quantize_blockwise>(operations, "quantizeBlockwise", target);
  add<cuda_binding::dequantize_blockwise>(operations, "dequantizeBlockwise", target);
  add<cuda_binding::pack_bitmask>(operations, "packBitmask", target);
  add<cuda_binding::unpack_bitmask>(operations, "unpackBitmask", target);
  return operations;
}

Napi::Object describe(Napi::Env env, const CudaDevice& device) {
  Napi::Object described = Napi::Object::New(env);
  described.Set("name", device.name);
  described.Set("memoryBytes", static_cast<double>(device.memory_bytes));
  described.Set("bytesPerSecond", device.bytes_per_second);
  described.Set("capability",
                std::to_string(device.capability_major) + "." + std::to_string(device.capability_minor));
  return described;
}

// Tells the objects that own memory of the device from all others.
constexpr napi_type_tag kAllocationTag = {0x6d6f64656c707265, 0x73732d6465766963};

void give_back(DeviceAllocation& allocation) {
  if (allocation.data != nullptr) allocation.library->release(allocation.data);
  allocation.data = nullptr;
}

void finalize(napi_env, void* data, void*) {
  const std::unique_ptr<DeviceAllocation> allocation(static_cast<DeviceAllocation*>(data));
  give_back(*allocation);
}

void require_ok(Napi::Env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

Napi::Value allocate(const Napi::CallbackInfo& info) {
  const double length = number_arg(info, 0);
  const double width = number_arg(info, 1);
  require(info, length >= 0 && length == std::floor(length) && length <= 0x1p50, "argument is not a length");
  require(info, width == 1 || width == 2 || width == 4, "elements have another width");
  auto allocation = std::make_unique<DeviceAllocation>();
  allocation->library = &cuda_library(info);
  allocation->width = static_cast<size_t>(width);
  allocation->bytes = static_cast<size_t>(length) * allocation->width;
  Napi::Object owner = Napi::Object::New(info.Env());
  require_ok(info.Env(), napi_type_tag_object(info.Env(), owner, &kAllocationTag));
  require_ok(info.Env(), napi_wrap(info.Env(), owner, allocation.get(), finalize, nullptr, nullptr));
  DeviceAllocation& owned = *allocation.release();
  CudaCall call = {};
  if (owned.library->allocate(&call, owned.bytes, &owned.data) != 0)
    throw Napi::Error::New(info.Env(), call.failure);
  return owner;
}

DeviceAllocation& allocation_arg(const Napi::CallbackInfo& info, size_t index) {
  DeviceAllocation* const allocation = device_allocation(info.Env(), info[index]);
  if (allocation == nullptr) throw Napi::TypeError::New(info.Env(), "argument is not a device buffer");
  return *allocation;
}

Napi::Value release(const Napi::CallbackInfo& info) {
  give_back(allocation_arg(info, 0));
  return info.Env().Undefined();
}

// The bytes of a typed array that is as long as the buffer on the device.
struct Copy {
  DeviceAllocation& allocation;
  void* data;

  explicit Copy(const Napi::CallbackInfo& info) : allocation(allocation_arg(info, 0)) {
    const AnyArray array = any_array_arg(info, 1);
    require(info, allocation.data != nullptr, "the device buffer was disposed");
    require(info, array.length * element_size(array.type) == allocation.bytes,
            "the array has another length than the device buffer");
    data = array.data;
  }
};

Napi::Value upload(const Napi::CallbackInfo& info) {
  const Copy copy(info);
  CudaCall call = {};
  if (cuda_library(info).upload(&call, copy.data, copy.allocation.data, copy.allocation.bytes) != 0)
    throw Napi::Error::New(info.Env(), call.failure);
  return info.Env().Undefined();
}

Napi::Value download(const Napi::CallbackInfo& info) {
  const Copy copy(info);
  CudaCall call = {};
  if (cuda_library(info).download(&call, copy.allocation.data, copy.data, copy.allocation.bytes) != 0)
    throw Napi::Error::New(info.Env(), call.failure);
  return info.Env().Undefined();
}

Napi::Value times(const Napi::CallbackInfo& info) {
  const CudaTimes measured = cuda_library(info).times();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("toDevice", measured.to_device);
  result.Set("kernels", measured.kernels);
  result.Set("toHost", measured.to_host);
  return result;
}

}  // namespace

DeviceAllocation* device_allocation(Napi::Env env, napi_value value) {
  bool is_tagged = false;
  void* data = nullptr;
  if (napi_check_object_type_tag(env, value, &kAllocationTag, &is_tagged) != napi_ok || !is_tagged ||
      napi_unwrap(env, value, &data) != napi_ok)
    return nullptr;
  return static_cast<DeviceAllocation*>(data);
}

Napi::Value cuda_binding::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) throw Napi::TypeError::New(env, "argument is not a path");
  try {
    const CudaLibrary& library = load_cuda(info[0].As<Napi::String>());
    CudaCall call = {};
    CudaDevice device = {};
    if (library.open(&call, &device) != 0) throw std::runtime_error(call.failure);
    const auto& [now, later] = targets_of(library);
    Napi::Object opened = Napi::Object::New(env);
    opened.Set("name", library.name);
    opened.Set("device", describe(env, device));
    opened.Set("leastBytes", static_cast<double>(library.least_bytes));
    opened.Set("operations", operations_of(env, now));
    opened.Set("async", operations_of(env, later));
    add<allocate>(opened, "allocate", now);
    add<release>(opened, "release", now);
    add<upload>(opened, "upload", now);
    add<download>(opened, "download", now);
    add<times>(opened, "times", now);
    return opened;
  } catch (const std::runtime_error& error) {
    throw Napi::Error::New(env, error.what());
  }
}

}  // namespace modelpress

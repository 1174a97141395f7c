// Arguments and calls of the operations that run on a device. Arrays are typed arrays, or memory of the
// device, of which only the size is known.
#pragma once

#include "../args.h"
#include "../job.h"
#include "abi.h"

namespace modelpress {

// What a function of the CUDA backend was made for.
struct CudaTarget {
  const CudaLibrary* library;
  bool async;
};

inline const CudaTarget& cuda_target(const Napi::CallbackInfo& info) {
  return *static_cast<const CudaTarget*>(info.Data());
}

inline const CudaLibrary& cuda_library(const Napi::CallbackInfo& info) { return *cuda_target(info).library; }

// Memory of the device that belongs to an object of JavaScript.
struct DeviceAllocation {
  const CudaLibrary* library;
  void* data;  // null once it was given back
  size_t bytes;
  size_t width;  // of an element, in bytes
};

// The allocation of such an object, or null.
DeviceAllocation* device_allocation(Napi::Env env, napi_value value);

struct Operand {
  CudaArray array;
  size_t bytes;
};

inline Operand operand(const Napi::CallbackInfo& info, napi_value value, napi_typedarray_type type) {
  if (const DeviceAllocation* const allocation = device_allocation(info.Env(), value)) {
    require(info, allocation->data != nullptr, "the device buffer was disposed");
    if (allocation->width != element_size(type))
      throw Napi::TypeError::New(info.Env(), "device buffer of another element type");
    return {{allocation->data, 1}, allocation->bytes};
  }
  const AnyArray array = any_array(info, value);
  if (array.type != type) throw Napi::TypeError::New(info.Env(), "typed array of another element type");
  return {{array.data, 0}, array.length * element_size(type)};
}

template <class T>
Operand operand_arg(const Napi::CallbackInfo& info, size_t index) {
  return operand(info, info[index], kArrayType<T>);
}

inline void require_same_place(const Napi::CallbackInfo& info, const Operand& x, const Operand& y) {
  require(info, x.array.on_device == y.array.on_device, "x and y are not both on the device");
}

// Runs work(call), which returns 0 or leaves the reason in call.failure, as execute() runs a kernel. Threads
// are of no use, but may be named.
template <class Work>
Napi::Value execute_on_device(const Napi::CallbackInfo& info, size_t index, const Work& work) {
  threads_arg(info, index);
  if (!cuda_target(info).async) {
    CudaCall call = {};
    if (work(&call) != 0) throw Napi::Error::New(info.Env(), call.failure);
    return info.Env().Undefined();
  }
  const Cancel cancel = cancel_arg(info, index + 1);
  return run_later(info, [=] {
    CudaCall call = {};
    call.cancel = reinterpret_cast<const int32_t*>(cancel);
    if (work(&call) != 0) throw std::runtime_error(call.failure);
  });
}

}  // namespace modelpress

// What a binding checks: kinds and lengths, so that no kernel reads or writes outside an array. Values are
// the facade's.
#pragma once

#include <napi.h>

#include <atomic>
#include <cmath>

#include "dispatch.h"

namespace modelpress {

template <class T>
struct Array {
  T* data;
  size_t length;
};

inline size_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

struct AnyArray {
  napi_typedarray_type type;
  void* data;
  size_t length;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

template <class T>
constexpr napi_typedarray_type kArrayType = napi_float32_array;
template <>
inline constexpr napi_typedarray_type kArrayType<double> = napi_float64_array;
template <>
inline constexpr napi_typedarray_type kArrayType<int32_t> = napi_int32_array;
template <>
inline constexpr napi_typedarray_type kArrayType<uint16_t> = napi_uint16_array;
template <>
inline constexpr napi_typedarray_type kArrayType<uint8_t> = napi_uint8_array;

// What a function of the addon was made for: a backend, or its `async`.
struct Target {
  const Kernels* kernels;
  bool async;
};

inline const Kernels& kernels(const Napi::CallbackInfo& info) {
  return *static_cast<const Target*>(info.Data())->kernels;
}

inline bool is_async(const Napi::CallbackInfo& info) {
  return static_cast<const Target*>(info.Data())->async;
}

inline void require(const Napi::CallbackInfo& info, bool holds, const char* message) {
  if (!holds) throw Napi::RangeError::New(info.Env(), message);
}

// data points at the array's own first element, byteOffset included. One call into Node-API: the wrappers
// make four.
inline AnyArray any_array(const Napi::CallbackInfo& info, napi_value value) {
  AnyArray array{};
  const napi_status status =
      napi_get_typedarray_info(info.Env(), value, &array.type, &array.length, &array.data, nullptr, nullptr);
  if (status != napi_ok) throw Napi::TypeError::New(info.Env(), "argument is not a typed array");
  return array;
}

inline AnyArray any_array_arg(const Napi::CallbackInfo& info, size_t index) {
  return any_array(info, info[index]);
}

template <class T>
Array<T> array_arg(const Napi::CallbackInfo& info, size_t index) {
  const AnyArray array = any_array_arg(info, index);
  if (array.type != kArrayType<T>)
    throw Napi::TypeError::New(info.Env(), "typed array of another element type");
  return {array.as<T>(), array.length};
}

inline double number_arg(const Napi::CallbackInfo& info, size_t index) {
  double value;
  if (napi_get_value_double(info.Env(), info[index], &value) != napi_ok)
    throw Napi::TypeError::New(info.Env(), "argument is not a number");
  return value;
}

// An open file of Node's; -1 where there is none.
inline int descriptor_arg(const Napi::CallbackInfo& info, size_t index) {
  const double descriptor = number_arg(info, index);
  require(info, descriptor >= -1 && descriptor <= 2147483647.0, "descriptor is not one");
  return static_cast<int>(descriptor);
}

// A size of a dimension or of a block; 1 at least.
inline size_t size_arg(const Napi::CallbackInfo& info, size_t index) {
  const double value = number_arg(info, index);
  require(info, value >= 1 && value == std::floor(value) && value <= 9007199254740991.0,
          "argument is not a size");
  return static_cast<size_t>(value);
}

// Wide enough for every quantized type, narrow enough that no kernel's integer arithmetic overflows.
inline int32_t zero_point_arg(const Napi::CallbackInfo& info, size_t index) {
  const double value = number_arg(info, index);
  require(info, value >= -32768 && value <= 65535, "zero point is out of range");
  return static_cast<int32_t>(value);
}

// How many threads a call may use; left out or 0, its size decides.
inline size_t threads_arg(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || info[index].IsUndefined()) return 0;
  const double value = number_arg(info, index);
  require(info, value >= 0 && value <= 1024 && value == std::floor(value), "threads is not a number of them");
  return static_cast<size_t>(value);
}

// One int32 that the caller sets to stop an asynchronous call; nothing where it is left out.
inline const std::atomic<int32_t>* cancel_arg(const Napi::CallbackInfo& info, size_t index) {
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
  if (info.Length() <= index || info[index].IsUndefined()) return nullptr;
  const auto cell = array_arg<int32_t>(info, index);
  require(info, cell.length == 1, "cancel is not one int32");
  return reinterpret_cast<const std::atomic<int32_t>*>(cell.data);
}

[[noreturn]] inline void no_kernel(const Napi::CallbackInfo& info) {
  throw Napi::TypeError::New(info.Env(), "no kernel for this element type");
}

}  // namespace modelpress

#include "../linear.h"
#include "bindings.h"
#include "operand.h"

namespace modelpress {
namespace {

bool is_float(ElementType type) {
  return type == ElementType::float32 || type == ElementType::float16 || type == ElementType::bfloat16;
}

bool is_quantized(ElementType type) {
  switch (type) {
    case ElementType::int8:
    case ElementType::uint8:
    case ElementType::int16:
    case ElementType::uint16:
    case ElementType::int4:
    case ElementType::uint4:
      return true;
    default:
      return false;
  }
}

// The two arrays of a call and their types, of which one is of floats.
struct Linear {
  Operand x, y;
  int32_t x_type, y_type;
  size_t n;
};

template <class IsX, class IsY>
Linear linear_args(const Napi::CallbackInfo& info, IsX is_x, IsY is_y) {
  const auto type_at = [&](size_t index) {
    return static_cast<ElementType>(static_cast<int32_t>(number_arg(info, index)));
  };
  const ElementType x_type = type_at(1);
  const ElementType y_type = type_at(3);
  if (!is_x(x_type) || !is_y(y_type)) no_kernel(info);
  const Operand x = operand(info, info[0], array_type(x_type));
  const Operand y = operand(info, info[2], array_type(y_type));
  require_same_place(info, x, y);
  const bool x_is_float = is_float(x_type);
  const Operand& floats = x_is_float ? x : y;
  const Operand& quantized = x_is_float ? y : x;
  const ElementType quantized_type = x_is_float ? y_type : x_type;
  const size_t n = floats.bytes / element_size(array_type(x_is_float ? x_type : y_type));
  const size_t bytes = is_packed(quantized_type) ? (n + 1) / 2 : n * element_size(array_type(quantized_type));
  require(info, quantized.bytes == bytes, "x and y differ in length");
  return {x, y, static_cast<int32_t>(x_type), static_cast<int32_t>(y_type), n};
}

Linear quantize_args(const Napi::CallbackInfo& info) { return linear_args(info, is_float, is_quantized); }

Linear dequantize_args(const Napi::CallbackInfo& info) {
  return linear_args(
      info, [](ElementType type) { return is_quantized(type) || type == ElementType::int32; }, is_float);
}

// The members of CudaLibrary.
using LinearEntry = decltype(CudaLibrary::quantize_linear) CudaLibrary::*;

Napi::Value run_per_tensor(const Napi::CallbackInfo& info, const Linear& linear, LinearEntry entry) {
  const PerTensor own = per_tensor_args(info, 4);
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 6, [=, &library](CudaCall* call) {
    const CudaParameters parameters = {&own.scale, &own.zero_point, 1, 1, 0, 1, 1};
    return (library.*entry)(call, linear.x.array, linear.x_type, linear.y.array, linear.y_type, linear.n,
                            &parameters);
  });
}

Napi::Value run_with(const Napi::CallbackInfo& info, size_t index, const Linear& linear, LinearEntry entry,
                     const CudaParameters& parameters) {
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, index, [=, &library](CudaCall* call) {
    if (linear.n == 0) return 0;
    return (library.*entry)(call, linear.x.array, linear.x_type, linear.y.array, linear.y_type, linear.n,
                            &parameters);
  });
}

Napi::Value run_per_axis(const Napi::CallbackInfo& info, const Linear& linear, LinearEntry entry) {
  const PerAxis own = per_axis_args(info, 4, linear.n);
  const Axis& axis = own.axis;
  return run_with(info, 7, linear, entry,
                  {own.scales, own.zero_points, axis.channels, axis.period(), 0, axis.inner, 1});
}

Napi::Value run_blocked(const Napi::CallbackInfo& info, const Linear& linear, LinearEntry entry) {
  const Blocked own = blocked_args(info, 4, linear.n);
  const uint64_t slice = own.size * own.inner;
  const uint64_t slice_parameters = (own.size + own.block - 1) / own.block * own.inner;
  return run_with(info, 9, linear, entry,
                  {own.scales, own.zero_points, linear.n / slice * slice_parameters, slice, slice_parameters,
                   own.block * own.inner, own.inner});
}

// Float32 to bits of 16, or back.
Napi::Value cast(const Napi::CallbackInfo& info, ElementType x_type, ElementType y_type) {
  const Operand x = operand(info, info[0], array_type(x_type));
  const Operand y = operand(info, info[1], array_type(y_type));
  require_same_place(info, x, y);
  const size_t n = x.bytes / element_size(array_type(x_type));
  require(info, n == y.bytes / element_size(array_type(y_type)), "x and y differ in length");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 2, [=, &library](CudaCall* call) {
    return library.cast(call, x.array, static_cast<int32_t>(x_type), y.array, static_cast<int32_t>(y_type),
                        n);
  });
}

}  // namespace

Napi::Value cuda_binding::quantize_linear(const Napi::CallbackInfo& info) {
  return run_per_tensor(info, quantize_args(info), &CudaLibrary::quantize_linear);
}

Napi::Value cuda_binding::quantize_linear_per_axis(const Napi::CallbackInfo& info) {
  return run_per_axis(info, quantize_args(info), &CudaLibrary::quantize_linear);
}

Napi::Value cuda_binding::quantize_linear_blocked(const Napi::CallbackInfo& info) {
  return run_blocked(info, quantize_args(info), &CudaLibrary::quantize_linear);
}

Napi::Value cuda_binding::dequantize_linear(const Napi::CallbackInfo& info) {
  return run_per_tensor(info, dequantize_args(info), &CudaLibrary::dequantize_linear);
}

Napi::Value cuda_binding::dequantize_linear_per_axis(const Napi::CallbackInfo& info) {
  return run_per_axis(info, dequantize_args(info), &CudaLibrary::dequantize_linear);
}

Napi::Value cuda_binding::dequantize_linear_blocked(const Napi::CallbackInfo& info) {
  return run_blocked(info, dequantize_args(info), &CudaLibrary::dequantize_linear);
}

Napi::Value cuda_binding::dynamic_quantize_linear(const Napi::CallbackInfo& info) {
  const Operand x = operand_arg<float>(info, 0);
  const Operand y = operand_arg<uint8_t>(info, 1);
  const auto params = array_arg<float>(info, 2);
  const size_t n = x.bytes / sizeof(float);
  require_same_place(info, x, y);
  require(info, n == y.bytes, "x and y differ in length");
  require(info, params.length == 4, "params is not [min, max, scale, zero point]");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 3, [=, &library](CudaCall* call) {
    return library.dynamic_quantize_linear(call, x.array, y.array, n, params.data);
  });
}

Napi::Value cuda_binding::float32_to_float16(const Napi::CallbackInfo& info) {
  return cast(info, ElementType::float32, ElementType::float16);
}

Napi::Value cuda_binding::float16_to_float32(const Napi::CallbackInfo& info) {
  return cast(info, ElementType::float16, ElementType::float32);
}

Napi::Value cuda_binding::float32_to_bfloat16(const Napi::CallbackInfo& info) {
  return cast(info, ElementType::float32, ElementType::bfloat16);
}

Napi::Value cuda_binding::bfloat16_to_float32(const Napi::CallbackInfo& info) {
  return cast(info, ElementType::bfloat16, ElementType::float32);
}

}  // namespace modelpress

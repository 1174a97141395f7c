#include "../bindings.h"
#include "../job.h"
#include "../per_axis.h"

namespace modelpress {
namespace {

template <class In, class Out>
void map_elements(const Napi::CallbackInfo& info, const In* x, Out* y, size_t n, float scale,
                  int32_t zero_point, void (*kernel)(const In*, Out*, size_t, float, int32_t)) {
  execute(info, n,
          [=](size_t begin, size_t end) { kernel(x + begin, y + begin, end - begin, scale, zero_point); });
}

}  // namespace

void binding::quantize_linear(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = any_array_arg(info, 1);
  require(info, x.length == y.length, "x and y differ in length");
  const float scale = static_cast<float>(number_arg(info, 2));
  const int32_t zero_point = zero_point_arg(info, 3);
  const Kernels& k = kernels(info);
  switch (y.type) {
    case napi_int8_array:
      return map_elements(info, x.data, y.as<int8_t>(), x.length, scale, zero_point, k.quantize_linear_s8);
    case napi_uint8_array:
      return map_elements(info, x.data, y.as<uint8_t>(), x.length, scale, zero_point, k.quantize_linear_u8);
    default:
      no_kernel(info);
  }
}

void binding::quantize_linear_per_axis(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = any_array_arg(info, 1);
  const auto scales = array_arg<float>(info, 2);
  const auto zero_points = array_arg<int32_t>(info, 3);
  require(info, x.length == y.length, "x and y differ in length");
  require(info, scales.length == zero_points.length, "scales and zeroPoints differ in length");
  const Axis axis = axis_arg(info, 4, x.length, scales.length);
  const Kernels& k = kernels(info);
  switch (y.type) {
    case napi_int8_array:
      return map_per_axis(x.data, y.as<int8_t>(), axis, scales.data, zero_points.data, k.quantize_linear_s8,
                          k.quantize_linear_lanes_s8);
    case napi_uint8_array:
      return map_per_axis(x.data, y.as<uint8_t>(), axis, scales.data, zero_points.data, k.quantize_linear_u8,
                          k.quantize_linear_lanes_u8);
    default:
      no_kernel(info);
  }
}

void binding::dequantize_linear(const Napi::CallbackInfo& info) {
  const auto x = any_array_arg(info, 0);
  const auto y = array_arg<float>(info, 1);
  require(info, x.length == y.length, "x and y differ in length");
  const float scale = static_cast<float>(number_arg(info, 2));
  const int32_t zero_point = zero_point_arg(info, 3);
  const Kernels& k = kernels(info);
  switch (x.type) {
    case napi_int8_array:
      return map_elements(info, x.as<const int8_t>(), y.data, y.length, scale, zero_point,
                          k.dequantize_linear_s8);
    case napi_uint8_array:
      return map_elements(info, x.as<const uint8_t>(), y.data, y.length, scale, zero_point,
                          k.dequantize_linear_u8);
    case napi_int32_array:
      return map_elements(info, x.as<const int32_t>(), y.data, y.length, scale, zero_point,
                          k.dequantize_linear_s32);
    default:
      no_kernel(info);
  }
}

void binding::dequantize_linear_per_axis(const Napi::CallbackInfo& info) {
  const auto x = any_array_arg(info, 0);
  const auto y = array_arg<float>(info, 1);
  const auto scales = array_arg<float>(info, 2);
  const auto zero_points = array_arg<int32_t>(info, 3);
  require(info, x.length == y.length, "x and y differ in length");
  require(info, scales.length == zero_points.length, "scales and zeroPoints differ in length");
  const Axis axis = axis_arg(info, 4, x.length, scales.length);
  const Kernels& k = kernels(info);
  switch (x.type) {
    case napi_int8_array:
      return map_per_axis(x.as<const int8_t>(), y.data, axis, scales.data, zero_points.data,
                          k.dequantize_linear_s8, k.dequantize_linear_lanes_s8);
    case napi_uint8_array:
      return map_per_axis(x.as<const uint8_t>(), y.data, axis, scales.data, zero_points.data,
                          k.dequantize_linear_u8, k.dequantize_linear_lanes_u8);
    case napi_int32_array:
      return map_per_axis(x.as<const int32_t>(), y.data, axis, scales.data, zero_points.data,
                          k.dequantize_linear_s32, k.dequantize_linear_lanes_s32);
    default:
      no_kernel(info);
  }
}

}  // namespace modelpress

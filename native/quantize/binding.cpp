#include <cmath>

#include "../bindings.h"
#include "../minmax/reduce.h"
#include "../per_axis.h"

namespace modelpress {
namespace {

template <class In, class Out>
Napi::Value map_elements(const Napi::CallbackInfo& info, const In* x, Out* y, size_t n, float scale,
                         int32_t zero_point, void (*kernel)(const In*, Out*, size_t, float, int32_t)) {
  return execute(info, 4, {n, sizeof(float)}, [=](size_t begin, size_t end) {
    kernel(x + begin, y + begin, end - begin, scale, zero_point);
  });
}

struct DynamicParams {
  float scale;
  int32_t zero_point;
};

// As DynamicQuantizeLinear computes them, in float32 throughout.
DynamicParams dynamic_params(float min, float max) {
  const float low = std::min(min, 0.0f);
  const float high = std::max(max, 0.0f);
  const float width = high - low;
  if (!std::isfinite(width)) return {width, 0};
  const float scale = width == 0 ? 1 : width / 255;
  const float exact = 0 - low / scale;
  // 0 / 0, of a scale that became 0, compares false and is 255, as in ONNX Runtime.
  return {scale, exact < 255 ? static_cast<int32_t>(std::nearbyint(std::max(exact, 0.0f))) : 255};
}

}  // namespace

Napi::Value binding::quantize_linear(const Napi::CallbackInfo& info) {
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

Napi::Value binding::quantize_linear_per_axis(const Napi::CallbackInfo& info) {
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
      return map_per_axis(info, 5, axis,
                          AxisMap<float, int8_t>{x.data, y.as<int8_t>(), scales.data, zero_points.data,
                                                 k.quantize_linear_s8, k.quantize_linear_lanes_s8});
    case napi_uint8_array:
      return map_per_axis(info, 5, axis,
                          AxisMap<float, uint8_t>{x.data, y.as<uint8_t>(), scales.data, zero_points.data,
                                                  k.quantize_linear_u8, k.quantize_linear_lanes_u8});
    default:
      no_kernel(info);
  }
}

Napi::Value binding::dequantize_linear(const Napi::CallbackInfo& info) {
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

Napi::Value binding::dequantize_linear_per_axis(const Napi::CallbackInfo& info) {
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
      return map_per_axis(info, 5, axis,
                          AxisMap<int8_t, float>{x.as<const int8_t>(), y.data, scales.data, zero_points.data,
                                                 k.dequantize_linear_s8, k.dequantize_linear_lanes_s8});
    case napi_uint8_array:
      return map_per_axis(
          info, 5, axis,
          AxisMap<uint8_t, float>{x.as<const uint8_t>(), y.data, scales.data, zero_points.data,
                                  k.dequantize_linear_u8, k.dequantize_linear_lanes_u8});
    case napi_int32_array:
      return map_per_axis(
          info, 5, axis,
          AxisMap<int32_t, float>{x.as<const int32_t>(), y.data, scales.data, zero_points.data,
                                  k.dequantize_linear_s32, k.dequantize_linear_lanes_s32});
    default:
      no_kernel(info);
  }
}

// params becomes [min, max, scale, zero point]. Where the distance from min to max, 0 included, is not
// finite, y stays as it is.
Napi::Value binding::dynamic_quantize_linear(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = array_arg<uint8_t>(info, 1);
  const auto params = array_arg<float>(info, 2);
  require(info, x.length == y.length, "x and y differ in length");
  require(info, params.length == 4, "params is not [min, max, scale, zero point]");
  const Kernels& k = kernels(info);
  const auto range = std::make_shared<SharedRange>();
  return execute_steps(info, 3, [=, &k](const Steps& steps) {
    const Units units = {x.length, sizeof(float)};
    steps(units, [&](size_t begin, size_t end) { range->fold(k, x.data + begin, end - begin); });
    if (steps.cancelled()) return;
    const auto [scale, zero_point] = dynamic_params(range->min(), range->max());
    const float found[] = {range->min(), range->max(), scale, static_cast<float>(zero_point)};
    std::copy_n(found, 4, params.data);
    if (!std::isfinite(scale)) return;
    steps(units, [&, scale = scale, zero_point = zero_point](size_t begin, size_t end) {
      k.quantize_linear_u8(x.data + begin, y.data + begin, end - begin, scale, zero_point);
    });
  });
}

}  // namespace modelpress

#include <cmath>

#include "../bindings.h"
#include "../linear.h"
#include "../minmax/reduce.h"
#include "dynamic_params.h"

namespace modelpress {
namespace {

struct Operands {
  Elements x, y;
  Cast<uint16_t, float>* widen;  // null where x is float32
};

Operands operands_arg(const Napi::CallbackInfo& info) {
  const Elements x = elements_arg(info, 0);
  const Elements y = elements_arg(info, 2);
  require_same_length(info, x.length, y);
  switch (x.type) {
    case ElementType::float32:
      return {x, y, nullptr};
    case ElementType::float16:
      return {x, y, kernels(info).float16_to_float32};
    case ElementType::bfloat16:
      return {x, y, kernels(info).bfloat16_to_float32};
    default:
      no_kernel(info);
  }
}

template <class Q, class Layout>
Napi::Value run(const Napi::CallbackInfo& info, size_t index, const Operands& operands, Pack4<Q>* pack,
                const LinearKernels<float, Q>& kernels, const Layout& layout) {
  const auto& [x, y, widen] = operands;
  const LinearMap<float, uint16_t, Q, uint8_t> map = {x.data, widen, y.data, pack, kernels};
  return execute(info, index, {x.length, sizeof(float)},
                 [=](size_t begin, size_t end) { map(layout, begin, end); });
}

template <class Layout>
Napi::Value quantize(const Napi::CallbackInfo& info, size_t index, const Operands& operands,
                     const Layout& layout) {
  const Kernels& k = kernels(info);
  switch (operands.y.type) {
    case ElementType::int8:
      return run<int8_t>(info, index, operands, nullptr, {k.quantize_linear_s8, k.quantize_linear_lanes_s8},
                         layout);
    case ElementType::uint8:
      return run<uint8_t>(info, index, operands, nullptr, {k.quantize_linear_u8, k.quantize_linear_lanes_u8},
                          layout);
    case ElementType::int16:
      return run<int16_t>(info, index, operands, nullptr,
                          {k.quantize_linear_s16, k.quantize_linear_lanes_s16}, layout);
    case ElementType::uint16:
      return run<uint16_t>(info, index, operands, nullptr,
                           {k.quantize_linear_u16, k.quantize_linear_lanes_u16}, layout);
    case ElementType::int4:
      return run<int8_t>(info, index, operands, k.pack_s4, {k.quantize_linear_s8, k.quantize_linear_lanes_s8},
                         layout);
    case ElementType::uint4:
      return run<uint8_t>(info, index, operands, k.pack_u4,
                          {k.quantize_linear_u8, k.quantize_linear_lanes_u8}, layout);
    default:
      no_kernel(info);
  }
}

}  // namespace

Napi::Value binding::quantize_linear(const Napi::CallbackInfo& info) {
  return quantize(info, 6, operands_arg(info), per_tensor_args(info, 4));
}

Napi::Value binding::quantize_linear_per_axis(const Napi::CallbackInfo& info) {
  const Operands operands = operands_arg(info);
  return quantize(info, 7, operands, per_axis_args(info, 4, operands.x.length));
}

Napi::Value binding::quantize_linear_blocked(const Napi::CallbackInfo& info) {
  const Operands operands = operands_arg(info);
  return quantize(info, 9, operands, blocked_args(info, 4, operands.x.length));
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
      k.quantize_linear_u8(x.data + begin, y.data + begin, 1, end - begin, &scale, &zero_point);
    });
  });
}

}  // namespace modelpress

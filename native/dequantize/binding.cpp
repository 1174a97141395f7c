#include "../bindings.h"
#include "../linear.h"

namespace modelpress {
namespace {

struct Operands {
  Elements x, y;
  Cast<float, uint16_t>* narrow;  // null where y is float32
};

Operands operands_arg(const Napi::CallbackInfo& info) {
  const Elements x = elements_arg(info, 0);
  const Elements y = elements_arg(info, 2);
  require_same_length(info, y.length, x);
  switch (y.type) {
    case ElementType::float32:
      return {x, y, nullptr};
    case ElementType::float16:
      return {x, y, kernels(info).float32_to_float16};
    case ElementType::bfloat16:
      return {x, y, kernels(info).float32_to_bfloat16};
    default:
      no_kernel(info);
  }
}

template <class Q, class Layout>
Napi::Value run(const Napi::CallbackInfo& info, size_t index, const Operands& operands, Unpack4<Q>* unpack,
                const LinearKernels<Q, float>& kernels, const Layout& layout) {
  const auto& [x, y, narrow] = operands;
  const LinearMap<Q, uint8_t, float, uint16_t> map = {x.data, unpack, y.data, narrow, kernels};
  return execute(info, index, {y.length, sizeof(float)},
                 [=](size_t begin, size_t end) { map(layout, begin, end); });
}

template <class Layout>
Napi::Value dequantize(const Napi::CallbackInfo& info, size_t index, const Operands& operands,
                       const Layout& layout) {
  const Kernels& k = kernels(info);
  switch (operands.x.type) {
    case ElementType::int8:
      return run<int8_t>(info, index, operands, nullptr,
                         {k.dequantize_linear_s8, k.dequantize_linear_lanes_s8}, layout);
    case ElementType::uint8:
      return run<uint8_t>(info, index, operands, nullptr,
                          {k.dequantize_linear_u8, k.dequantize_linear_lanes_u8}, layout);
    case ElementType::int16:
      return run<int16_t>(info, index, operands, nullptr,
                          {k.dequantize_linear_s16, k.dequantize_linear_lanes_s16}, layout);
    case ElementType::uint16:
      return run<uint16_t>(info, index, operands, nullptr,
                           {k.dequantize_linear_u16, k.dequantize_linear_lanes_u16}, layout);
    case ElementType::int32:
      return run<int32_t>(info, index, operands, nullptr,
                          {k.dequantize_linear_s32, k.dequantize_linear_lanes_s32}, layout);
    case ElementType::int4:
      return run<int8_t>(info, index, operands, k.unpack_s4,
                         {k.dequantize_linear_s8, k.dequantize_linear_lanes_s8}, layout);
    case ElementType::uint4:
      return run<uint8_t>(info, index, operands, k.unpack_u4,
                          {k.dequantize_linear_u8, k.dequantize_linear_lanes_u8}, layout);
    default:
      no_kernel(info);
  }
}

}  // namespace

Napi::Value binding::dequantize_linear(const Napi::CallbackInfo& info) {
  return dequantize(info, 6, operands_arg(info), per_tensor_args(info, 4));
}

Napi::Value binding::dequantize_linear_per_axis(const Napi::CallbackInfo& info) {
  const Operands operands = operands_arg(info);
  return dequantize(info, 7, operands, per_axis_args(info, 4, operands.y.length));
}

Napi::Value binding::dequantize_linear_blocked(const Napi::CallbackInfo& info) {
  const Operands operands = operands_arg(info);
  return dequantize(info, 9, operands, blocked_args(info, 4, operands.y.length));
}

}  // namespace modelpress

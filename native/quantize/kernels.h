#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// y[i] = saturate(round_half_even(x[i] / scale) + zero_point), as ONNX QuantizeLinear. NaN gives the smallest
// Q. Each of the rows of n elements has a scale and a zero point.
template <class Q>
using QuantizeLinear = void(const float* x, Q* y, size_t rows, size_t n, const float* scales,
                            const int32_t* zero_points);
// The same of rows of n elements that lie `stride` apart, where element i of every row has scales[i].
template <class Q>
using QuantizeLinearLanes = void(const float* x, Q* y, size_t rows, size_t stride, size_t n,
                                 const float* scales, const int32_t* zero_points);

namespace scalar {
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
}  // namespace scalar
namespace avx2 {
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
}  // namespace avx2
namespace avx512 {
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
}  // namespace avx512
namespace neon {
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
}  // namespace neon

}  // namespace modelpress

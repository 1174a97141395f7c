#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// y[i] = float(x[i] - zero_point) * scale, as ONNX DequantizeLinear; for int32 the zero point is 0. Each of
// the rows of n elements has a scale and a zero point.
template <class Q>
using DequantizeLinear = void(const Q* x, float* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points);
// The same of rows of n elements that lie `stride` apart, where element i of every row has scales[i].
template <class Q>
using DequantizeLinearLanes = void(const Q* x, float* y, size_t rows, size_t stride, size_t n,
                                   const float* scales, const int32_t* zero_points);

namespace scalar {
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
}  // namespace scalar
namespace avx2 {
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
}  // namespace avx2
namespace avx512 {
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
}  // namespace avx512
namespace neon {
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
}  // namespace neon

}  // namespace modelpress

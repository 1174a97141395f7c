#include "avx512_vector.h"
#include "lanes.h"
#include "rows.h"

namespace modelpress {

void avx512::dequantize_linear_s8(const int8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                  const int32_t* zero_points) {
  if (n < Avx512::kFloats) return avx2::dequantize_linear_s8(x, y, rows, n, scales, zero_points);
  dequantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::dequantize_linear_u8(const uint8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                  const int32_t* zero_points) {
  if (n < Avx512::kFloats) return avx2::dequantize_linear_u8(x, y, rows, n, scales, zero_points);
  dequantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::dequantize_linear_s16(const int16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  if (n < Avx512::kFloats) return avx2::dequantize_linear_s16(x, y, rows, n, scales, zero_points);
  dequantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::dequantize_linear_u16(const uint16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  if (n < Avx512::kFloats) return avx2::dequantize_linear_u16(x, y, rows, n, scales, zero_points);
  dequantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::dequantize_linear_s32(const int32_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  if (n < Avx512::kFloats) return avx2::dequantize_linear_s32(x, y, rows, n, scales, zero_points);
  dequantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                        const float* scales, const int32_t* zero_points) {
  if (n < kLineFloats) return avx2::dequantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                        const float* scales, const int32_t* zero_points) {
  if (n < kLineFloats) return avx2::dequantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::dequantize_linear_lanes_s16(const int16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  if (n < kLineFloats) return avx2::dequantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::dequantize_linear_lanes_u16(const uint16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  if (n < kLineFloats) return avx2::dequantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  if (n < kLineFloats) return avx2::dequantize_linear_lanes_s32(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

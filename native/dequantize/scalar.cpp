#include "kernels.h"

namespace modelpress {
namespace {

template <class Q>
inline float dequantize(Q x, float scale, int32_t zero_point) {
  return static_cast<float>(x - zero_point) * scale;
}

template <class Q>
void dequantize_rows(const Q* x, float* y, size_t rows, size_t n, const float* scales,
                     const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += n, y += n)
    for (size_t i = 0; i < n; ++i) y[i] = dequantize(x[i], scales[row], zero_points[row]);
}

template <class Q>
void dequantize_lanes(const Q* x, float* y, size_t rows, size_t stride, size_t n, const float* scales,
                      const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride)
    for (size_t i = 0; i < n; ++i) y[i] = dequantize(x[i], scales[i], zero_points[i]);
}

}  // namespace

void scalar::dequantize_linear_s8(const int8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                  const int32_t* zero_points) {
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::dequantize_linear_u8(const uint8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                  const int32_t* zero_points) {
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::dequantize_linear_s16(const int16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::dequantize_linear_u16(const uint16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::dequantize_linear_s32(const int32_t* x, float* y, size_t rows, size_t n, const float* scales,
                                   const int32_t* zero_points) {
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                        const float* scales, const int32_t* zero_points) {
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                        const float* scales, const int32_t* zero_points) {
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::dequantize_linear_lanes_s16(const int16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::dequantize_linear_lanes_u16(const uint16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                         const float* scales, const int32_t* zero_points) {
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

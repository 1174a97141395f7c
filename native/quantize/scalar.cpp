#include <limits>

#include "kernels.h"

namespace modelpress {
namespace {

// 1.5 * 2^23: a float32 sum with it has no fraction bits, so the sum is already rounded, ties to even.
constexpr float kRound = 12582912.0f;

template <class Q>
inline Q quantize(float x, float scale, int32_t zero_point) {
  const float lo = static_cast<float>(std::numeric_limits<Q>::min() - zero_point);
  const float hi = static_cast<float>(std::numeric_limits<Q>::max() - zero_point);
  float v = x / scale;  // a multiplication by 1 / scale would round twice
  // Clamped before the conversion, which is undefined out of range; NaN compares false: lo.
  v = v > lo ? v : lo;
  v = v < hi ? v : hi;
  return static_cast<Q>(static_cast<int32_t>((v + kRound) - kRound) + zero_point);
}

template <class Q>
void quantize_rows(const float* x, Q* y, size_t rows, size_t n, const float* scales,
                   const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += n, y += n)
    for (size_t i = 0; i < n; ++i) y[i] = quantize<Q>(x[i], scales[row], zero_points[row]);
}

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride)
    for (size_t i = 0; i < n; ++i) y[i] = quantize<Q>(x[i], scales[i], zero_points[i]);
}

}  // namespace

void scalar::quantize_linear_s8(const float* x, int8_t* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::quantize_linear_u8(const float* x, uint8_t* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::quantize_linear_s16(const float* x, int16_t* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::quantize_linear_u16(const float* x, uint16_t* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void scalar::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::quantize_linear_lanes_s16(const float* x, int16_t* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void scalar::quantize_linear_lanes_u16(const float* x, uint16_t* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

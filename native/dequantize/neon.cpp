#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kBlock = 16;

struct Wide {
  int32x4_t v[4];
};

inline Wide widen(int16x8_t a, int16x8_t b) {
  return {vmovl_s16(vget_low_s16(a)), vmovl_s16(vget_high_s16(a)), vmovl_s16(vget_low_s16(b)),
          vmovl_s16(vget_high_s16(b))};
}

inline Wide widen(const int8_t* x) {
  const int8x16_t v = vld1q_s8(x);
  return widen(vmovl_s8(vget_low_s8(v)), vmovl_s8(vget_high_s8(v)));
}

inline Wide widen(const uint8_t* x) {
  const uint8x16_t v = vld1q_u8(x);
  return widen(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(v))),
               vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(v))));
}

inline Wide widen(const int16_t* x) { return widen(vld1q_s16(x), vld1q_s16(x + 8)); }

inline Wide widen(const uint16_t* x) {
  const uint16x8_t a = vld1q_u16(x);
  const uint16x8_t b = vld1q_u16(x + 8);
  return {
      vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(a))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(a))),
      vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(b))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(b)))};
}

inline Wide widen(const int32_t* x) {
  return {vld1q_s32(x), vld1q_s32(x + 4), vld1q_s32(x + 8), vld1q_s32(x + 12)};
}

template <class Q, class Scale, class ZeroPoint>
inline void dequantize_block(const Q* x, float* y, const Scale& scale, const ZeroPoint& zero_point) {
  const Wide wide = widen(x);
  for (int k = 0; k < 4; ++k)
    vst1q_f32(y + 4 * k, vmulq_f32(vcvtq_f32_s32(vsubq_s32(wide.v[k], zero_point(4 * k))), scale(4 * k)));
}

// At least kBlock elements; the last block overlaps the one before it.
template <class Q>
void dequantize_rows(const Q* x, float* y, size_t rows, size_t n, const float* scales,
                     const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += n, y += n) {
    const auto s = [v = vdupq_n_f32(scales[row])](int) { return v; };
    const auto zp = [v = vdupq_n_s32(zero_points[row])](int) { return v; };
    size_t i = 0;
    for (; i + kBlock <= n; i += kBlock) dequantize_block(x + i, y + i, s, zp);
    if (i < n) dequantize_block(x + n - kBlock, y + n - kBlock, s, zp);
  }
}

template <class Q>
void dequantize_lanes(const Q* x, float* y, size_t rows, size_t stride, size_t n, const float* scales,
                      const int32_t* zero_points) {
  const auto block = [&](size_t i) {
    dequantize_block(
        x + i, y + i, [&](int k) { return vld1q_f32(scales + i + k); },
        [&](int k) { return vld1q_s32(zero_points + i + k); });
  };
  for (; rows > 0; --rows, x += stride, y += stride) {
    for (size_t i = 0; i + kBlock <= n; i += kBlock) block(i);
    if (n % kBlock != 0) block(n - kBlock);
  }
}

}  // namespace

void neon::dequantize_linear_s8(const int8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_s8(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::dequantize_linear_u8(const uint8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_u8(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::dequantize_linear_s16(const int16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_s16(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::dequantize_linear_u16(const uint16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_u16(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::dequantize_linear_s32(const int32_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_s32(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::dequantize_linear_lanes_s16(const int16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::dequantize_linear_lanes_u16(const uint16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_s32(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

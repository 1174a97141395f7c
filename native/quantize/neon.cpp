#include <arm_neon.h>

#include "../kernels.h"

namespace modelpress {
namespace {

constexpr size_t kBlock = 16;

// Beyond these the low half of a reciprocal may be subnormal and lose bits.
constexpr float kReciprocalMin = 0x1p-64f;
constexpr float kReciprocalMax = 0x1p64f;

template <class Q>
constexpr int32_t kMax = 255;
template <>
constexpr int32_t kMax<int8_t> = 127;

// The saturation of the narrowing is that of the operation: what comes in is right, or beyond the range on
// the right side.
inline void store(int8_t* y, int16x8_t a, int16x8_t b) {
  vst1q_s8(y, vcombine_s8(vqmovn_s16(a), vqmovn_s16(b)));
}
inline void store(uint8_t* y, int16x8_t a, int16x8_t b) {
  vst1q_u8(y, vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)));
}

// Beyond the range of every zero point on both sides, and within int16 with any of them added.
constexpr float kFar = 1024.0f;

// What is too small, and NaN, becomes -kFar: vmaxnmq drops a NaN. (A quiet one, as every arithmetic operation
// makes it.)
inline int32x4_t round_steps(float32x4_t q) { return vcvtnq_s32_f32(vmaxnmq_f32(q, vdupq_n_f32(-kFar))); }

// For a scale in [kReciprocalMin, kReciprocalMax]: x times the reciprocal as a sum of two floats. The result
// is not always the rounded quotient, but both round to the same integer: checked for every significand of a
// scale around every tie up to 255.5, and powers of two change nothing.
struct Reciprocal {
  float32x4_t high, low, limit;

  Reciprocal(float scale, int32_t largest) {
    const float nearest = 1.0f / scale;
    high = vdupq_n_f32(nearest);
    low = vdupq_n_f32(static_cast<float>(1.0 / static_cast<double>(scale) - static_cast<double>(nearest)));
    limit = vdupq_n_f32(static_cast<float>(largest + 1) * scale);
  }

  int32x4_t operator()(const float* x) const {
    const float32x4_t v = vminq_f32(vld1q_f32(x), limit);
    return round_steps(vfmaq_f32(vmulq_f32(v, low), v, high));
  }
};

inline int32x4_t divide(float32x4_t x, float32x4_t scale) {
  return round_steps(vminq_f32(vdivq_f32(x, scale), vdupq_n_f32(kFar)));
}

struct Division {
  float32x4_t scale;

  explicit Division(float s) : scale(vdupq_n_f32(s)) {}

  int32x4_t operator()(const float* x) const { return divide(vld1q_f32(x), scale); }
};

inline int16x8_t narrow(int32x4_t a, int32x4_t b) { return vcombine_s16(vmovn_s32(a), vmovn_s32(b)); }

template <class Q, class Steps>
inline void quantize_block(const float* x, Q* y, const Steps& steps, int16x8_t zero_point) {
  store(y, vaddq_s16(narrow(steps(x), steps(x + 4)), zero_point),
        vaddq_s16(narrow(steps(x + 8), steps(x + 12)), zero_point));
}

// At least kBlock elements. The last block overlaps the one before it, which writes the same bytes again.
template <class Q, class Steps>
void quantize_blocks(const float* x, Q* y, size_t n, const Steps& steps, int32_t zero_point) {
  const int16x8_t zp = vdupq_n_s16(static_cast<int16_t>(zero_point));
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) quantize_block(x + i, y + i, steps, zp);
  if (i < n) quantize_block(x + n - kBlock, y + n - kBlock, steps, zp);
}

template <class Q>
void quantize_all(const float* x, Q* y, size_t n, float scale, int32_t zero_point) {
  if (scale >= kReciprocalMin && scale <= kReciprocalMax)
    quantize_blocks(x, y, n, Reciprocal(scale, kMax<Q> - zero_point), zero_point);
  else
    quantize_blocks(x, y, n, Division(scale), zero_point);
}

template <class Q>
inline void quantize_lane_block(const float* x, Q* y, const float* scales, const int32_t* zero_points) {
  const auto steps = [&](size_t at) {
    return vaddq_s32(divide(vld1q_f32(x + at), vld1q_f32(scales + at)), vld1q_s32(zero_points + at));
  };
  store(y, narrow(steps(0), steps(4)), narrow(steps(8), steps(12)));
}

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  for (; rows > 0; --rows, x += stride, y += stride) {
    for (size_t i = 0; i + kBlock <= n; i += kBlock)
      quantize_lane_block(x + i, y + i, scales + i, zero_points + i);
    if (n % kBlock != 0) {
      const size_t i = n - kBlock;
      quantize_lane_block(x + i, y + i, scales + i, zero_points + i);
    }
  }
}

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
void dequantize_all(const Q* x, float* y, size_t n, float scale, int32_t zero_point) {
  const auto s = [v = vdupq_n_f32(scale)](int) { return v; };
  const auto zp = [v = vdupq_n_s32(zero_point)](int) { return v; };
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) dequantize_block(x + i, y + i, s, zp);
  if (i < n) dequantize_block(x + n - kBlock, y + n - kBlock, s, zp);
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

void neon::quantize_linear_s8(const float* x, int8_t* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::quantize_linear_s8(x, y, n, scale, zero_point);
  quantize_all(x, y, n, scale, zero_point);
}

void neon::quantize_linear_u8(const float* x, uint8_t* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::quantize_linear_u8(x, y, n, scale, zero_point);
  quantize_all(x, y, n, scale, zero_point);
}

void neon::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::dequantize_linear_s8(const int8_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::dequantize_linear_s8(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
}

void neon::dequantize_linear_u8(const uint8_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::dequantize_linear_u8(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
}

void neon::dequantize_linear_s32(const int32_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::dequantize_linear_s32(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
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

void neon::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::dequantize_linear_lanes_s32(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

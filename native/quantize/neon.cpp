#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kBlock = 16;

// Beyond these the arithmetic with a reciprocal may overflow, or lose bits to an underflow.
constexpr float kReciprocalMin = 0x1p-64f;
constexpr float kReciprocalMax = 0x1p64f;

// In steps: beyond the range of every zero point on both sides. A power of two, so that a product with a
// scale is exact.
constexpr float kFar = 0x1p17f;

// What is too small, and NaN, becomes -kFar: vmaxnmq drops a NaN. (A quiet one, as every arithmetic operation
// makes it.)
inline int32x4_t round_steps(float32x4_t q) { return vcvtnq_s32_f32(vmaxnmq_f32(q, vdupq_n_f32(-kFar))); }

inline int32x4_t divide(float32x4_t x, float32x4_t scale) {
  return round_steps(vminq_f32(vdivq_f32(x, scale), vdupq_n_f32(kFar)));
}

struct Division {
  float32x4_t scale;

  explicit Division(float s) : scale(vdupq_n_f32(s)) {}

  int32x4_t operator()(const float* x) const { return divide(vld1q_f32(x), scale); }
};

// For a scale in [kReciprocalMin, kReciprocalMax]: x times the reciprocal and one correction (Markstein, IBM
// Journal of Research and Development 34, 1990), which gives the same float as a division. The two could only
// differ next to the midpoint of two floats, and would only matter where one of these is a tie: compared for
// all such pairs of x and scale, up to the tie 131071.5.
struct Corrected {
  float32x4_t scale, reciprocal, limit;

  explicit Corrected(float s)
      : scale(vdupq_n_f32(s)), reciprocal(vdupq_n_f32(1.0f / s)), limit(vdupq_n_f32(kFar * s)) {}

  int32x4_t operator()(const float* x) const {
    const float32x4_t v = vminq_f32(vld1q_f32(x), limit);
    const float32x4_t q = vmulq_f32(v, reciprocal);
    return round_steps(vfmaq_f32(q, vfmsq_f32(v, q, scale), reciprocal));
  }
};

// The saturation of the narrowing is that of the operation: sums are right, or beyond the range on the right
// side.
inline void store(int16_t* y, const int32x4_t (&sums)[4]) {
  vst1q_s16(y, vcombine_s16(vqmovn_s32(sums[0]), vqmovn_s32(sums[1])));
  vst1q_s16(y + 8, vcombine_s16(vqmovn_s32(sums[2]), vqmovn_s32(sums[3])));
}
inline void store(uint16_t* y, const int32x4_t (&sums)[4]) {
  vst1q_u16(y, vcombine_u16(vqmovun_s32(sums[0]), vqmovun_s32(sums[1])));
  vst1q_u16(y + 8, vcombine_u16(vqmovun_s32(sums[2]), vqmovun_s32(sums[3])));
}
inline int16x8_t narrow(int32x4_t a, int32x4_t b) { return vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)); }
inline void store(int8_t* y, const int32x4_t (&sums)[4]) {
  vst1q_s8(y, vcombine_s8(vqmovn_s16(narrow(sums[0], sums[1])), vqmovn_s16(narrow(sums[2], sums[3]))));
}
inline void store(uint8_t* y, const int32x4_t (&sums)[4]) {
  vst1q_u8(y, vcombine_u8(vqmovun_s16(narrow(sums[0], sums[1])), vqmovun_s16(narrow(sums[2], sums[3]))));
}

// sums(i) gives steps plus zero points of the four elements from i on. At least kBlock elements; the last
// block overlaps the one before it, which writes the same values.
template <class Q, class Sums>
void quantize_blocks(Q* y, size_t n, const Sums& sums) {
  const auto block = [&](size_t i) {
    const int32x4_t four[] = {sums(i), sums(i + 4), sums(i + 8), sums(i + 12)};
    store(y + i, four);
  };
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) block(i);
  if (i < n) block(n - kBlock);
}

template <class Q>
void quantize_rows(const float* x, Q* y, size_t rows, size_t n, const float* scales,
                   const int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row, x += n, y += n) {
    const int32x4_t zp = vdupq_n_s32(zero_points[row]);
    const auto by = [&](const auto& steps) {
      quantize_blocks(y, n, [&](size_t i) { return vaddq_s32(steps(x + i), zp); });
    };
    if (scales[row] >= kReciprocalMin && scales[row] <= kReciprocalMax)
      by(Corrected(scales[row]));
    else
      by(Division(scales[row]));
  }
}

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  for (; rows > 0; --rows, x += stride, y += stride)
    quantize_blocks(y, n, [&](size_t i) {
      return vaddq_s32(divide(vld1q_f32(x + i), vld1q_f32(scales + i)), vld1q_s32(zero_points + i));
    });
}

}  // namespace

void neon::quantize_linear_s8(const float* x, int8_t* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_s8(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::quantize_linear_u8(const float* x, uint8_t* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_u8(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::quantize_linear_s16(const float* x, int16_t* y, size_t rows, size_t n, const float* scales,
                               const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_s16(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void neon::quantize_linear_u16(const float* x, uint16_t* y, size_t rows, size_t n, const float* scales,
                               const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_u16(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
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

void neon::quantize_linear_lanes_s16(const float* x, int16_t* y, size_t rows, size_t stride, size_t n,
                                     const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void neon::quantize_linear_lanes_u16(const float* x, uint16_t* y, size_t rows, size_t stride, size_t n,
                                     const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

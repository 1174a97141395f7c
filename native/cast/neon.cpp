#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;

// At least kStep elements. The last step overlaps the one before it, which writes the same values again.
template <class In, class Out, class Convert>
void convert_all(const In* x, Out* y, size_t n, const Convert& convert) {
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) convert(x + i, y + i);
  if (i < n) convert(x + n - kStep, y + n - kStep);
}

inline void to_float16(const float* x, uint16_t* y) {
  const float16x8_t v = vcvt_high_f16_f32(vcvt_f16_f32(vld1q_f32(x)), vld1q_f32(x + 4));
  vst1q_u16(y, vreinterpretq_u16_f16(v));
}

inline void from_float16(const uint16_t* x, float* y) {
  const float16x8_t v = vreinterpretq_f16_u16(vld1q_u16(x));
  vst1q_f32(y, vcvt_f32_f16(vget_low_f16(v)));
  vst1q_f32(y + 4, vcvt_high_f32_f16(v));
}

inline uint32x4_t is_nan(uint32x4_t bits) {
  const float32x4_t v = vreinterpretq_f32_u32(bits);
  return vmvnq_u32(vceqq_f32(v, v));
}

const uint32_t kQuiet = 0x00400000;

// Bits 16 and up of float32 bits, rounded: 0x7fff and the lowest bit that stays make a tie go to even.
inline uint16x4_t upper_half(const float* x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(x));
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  return vshrn_n_u32(vbslq_u32(is_nan(bits), vorrq_u32(bits, vdupq_n_u32(kQuiet)), rounded), 16);
}

inline void to_bfloat16(const float* x, uint16_t* y) {
  vst1q_u16(y, vcombine_u16(upper_half(x), upper_half(x + 4)));
}

inline void from_bfloat16(const uint16_t* x, float* y) {
  const uint16x8_t v = vld1q_u16(x);
  const uint32x4_t halves[] = {vshll_n_u16(vget_low_u16(v), 16), vshll_n_u16(vget_high_u16(v), 16)};
  for (int k = 0; k < 2; ++k) {
    const uint32x4_t quiet = vandq_u32(is_nan(halves[k]), vdupq_n_u32(kQuiet));
    vst1q_f32(y + 4 * k, vreinterpretq_f32_u32(vorrq_u32(halves[k], quiet)));
  }
}

constexpr size_t kPack = 32;  // values that make a vector of bytes

// De-interleaving loads give the even values and the odd ones.
inline uint8x16_t four_bits(int8x16_t v) {
  const int8x16_t clamped = vmaxq_s8(vminq_s8(v, vdupq_n_s8(7)), vdupq_n_s8(-8));
  return vandq_u8(vreinterpretq_u8_s8(clamped), vdupq_n_u8(15));
}
inline uint8x16_t four_bits(uint8x16_t v) { return vminq_u8(v, vdupq_n_u8(15)); }

inline int8x16_t wide(uint8x16_t nibbles) {
  return vsubq_s8(vreinterpretq_s8_u8(veorq_u8(nibbles, vdupq_n_u8(8))), vdupq_n_s8(8));
}

}  // namespace

void neon::float32_to_float16(const float* x, uint16_t* y, size_t n) {
  if (n < kStep) return scalar::float32_to_float16(x, y, n);
  convert_all(x, y, n, to_float16);
}

void neon::float16_to_float32(const uint16_t* x, float* y, size_t n) {
  if (n < kStep) return scalar::float16_to_float32(x, y, n);
  convert_all(x, y, n, from_float16);
}

void neon::float32_to_bfloat16(const float* x, uint16_t* y, size_t n) {
  if (n < kStep) return scalar::float32_to_bfloat16(x, y, n);
  convert_all(x, y, n, to_bfloat16);
}

void neon::bfloat16_to_float32(const uint16_t* x, float* y, size_t n) {
  if (n < kStep) return scalar::bfloat16_to_float32(x, y, n);
  convert_all(x, y, n, from_bfloat16);
}

void neon::pack_s4(const int8_t* x, uint8_t* y, size_t n) {
  size_t i = 0;
  for (; i + kPack <= n; i += kPack) {
    const int8x16x2_t v = vld2q_s8(x + i);
    vst1q_u8(y + i / 2, vsliq_n_u8(four_bits(v.val[0]), four_bits(v.val[1]), 4));
  }
  scalar::pack_s4(x + i, y + i / 2, n - i);
}

void neon::pack_u4(const uint8_t* x, uint8_t* y, size_t n) {
  size_t i = 0;
  for (; i + kPack <= n; i += kPack) {
    const uint8x16x2_t v = vld2q_u8(x + i);
    vst1q_u8(y + i / 2, vsliq_n_u8(four_bits(v.val[0]), four_bits(v.val[1]), 4));
  }
  scalar::pack_u4(x + i, y + i / 2, n - i);
}

void neon::unpack_s4(const uint8_t* x, int8_t* y, size_t n) {
  size_t i = 0;
  for (; i + kPack <= n; i += kPack) {
    const uint8x16_t v = vld1q_u8(x + i / 2);
    const int8x16x2_t pairs{{wide(vandq_u8(v, vdupq_n_u8(15))), wide(vshrq_n_u8(v, 4))}};
    vst2q_s8(y + i, pairs);
  }
  scalar::unpack_s4(x + i / 2, y + i, n - i);
}

void neon::unpack_u4(const uint8_t* x, uint8_t* y, size_t n) {
  size_t i = 0;
  for (; i + kPack <= n; i += kPack) {
    const uint8x16_t v = vld1q_u8(x + i / 2);
    const uint8x16x2_t pairs{{vandq_u8(v, vdupq_n_u8(15)), vshrq_n_u8(v, 4)}};
    vst2q_u8(y + i, pairs);
  }
  scalar::unpack_u4(x + i / 2, y + i, n - i);
}

}  // namespace modelpress

#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kValues = 32;
constexpr float kLargest = 3.402823466e+38f;

struct Block {
  float32x4_t v[8];
};

inline Block load(const float* x) {
  Block b;
  for (int k = 0; k < 8; ++k) b.v[k] = vld1q_f32(x + 4 * k);
  return b;
}

// The largest magnitude; NaN if there is one among the values, for vmaxq keeps it.
inline float largest_of(const Block& b) {
  float32x4_t m = vabsq_f32(b.v[0]);
  for (int k = 1; k < 8; ++k) m = vmaxq_f32(m, vabsq_f32(b.v[k]));
  return vmaxvq_f32(m);
}

inline float reciprocal_of(float scale) { return scale != 0.0f ? 1.0f / scale : 0.0f; }

// Where this does not hold some products are NaN or infinite, and the scalar kernel knows what they become.
inline bool is_ordinary(float largest, float reciprocal) {
  return largest <= kLargest && reciprocal <= kLargest && reciprocal >= -kLargest;
}

inline void store_scale(uint8_t* y, float scale) {
  const uint16_t half = vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(scale))), 0);
  y[0] = static_cast<uint8_t>(half);
  y[1] = static_cast<uint8_t>(half >> 8);
}

inline int8x16_t bytes_of(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
  return vcombine_s8(vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))),
                     vmovn_s16(vcombine_s16(vmovn_s32(c), vmovn_s32(d))));
}

inline uint16_t half_at(const uint8_t* x) { return static_cast<uint16_t>(x[0] | x[1] << 8); }

inline bool is_finite(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

inline float scale_of(uint16_t half) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half))), 0);
}

inline void put_products(float* y, int16x8_t q, float scale) {
  vst1q_f32(y, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(q))), scale));
  vst1q_f32(y + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_high_s16(q))), scale));
}

inline void put_products(float* y, int8x16_t q, float scale) {
  put_products(y, vmovl_s8(vget_low_s8(q)), scale);
  put_products(y + 8, vmovl_s8(vget_high_s8(q)), scale);
}

}  // namespace

void neon::quantize_gguf_q8_0(const float* x, uint8_t* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += kValues, y += 34) {
    const Block b = load(x);
    const float largest = largest_of(b);
    const float scale = largest / 127.0f;
    const float reciprocal = reciprocal_of(scale);
    if (!is_ordinary(largest, reciprocal)) {
      scalar::quantize_gguf_q8_0(x, y, 1);
      continue;
    }
    const auto q = [&](int k) { return vcvtaq_s32_f32(vmulq_n_f32(b.v[k], reciprocal)); };
    store_scale(y, scale);
    vst1q_s8(reinterpret_cast<int8_t*>(y + 2), bytes_of(q(0), q(1), q(2), q(3)));
    vst1q_s8(reinterpret_cast<int8_t*>(y + 18), bytes_of(q(4), q(5), q(6), q(7)));
  }
}

void neon::quantize_gguf_q4_0(const float* x, uint8_t* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += kValues, y += 18) {
    const Block b = load(x);
    const float magnitude = largest_of(b);
    float largest = 0.0f;  // with its sign: that of the first of this magnitude
    for (size_t i = 0; i < kValues && magnitude > 0.0f; ++i)
      if (x[i] == magnitude || x[i] == -magnitude) {
        largest = x[i];
        break;
      }
    const float scale = largest / -8.0f;
    const float reciprocal = reciprocal_of(scale);
    if (!is_ordinary(magnitude, reciprocal)) {
      scalar::quantize_gguf_q4_0(x, y, 1);
      continue;
    }
    const auto q = [&](int k) {
      return vcvtq_s32_f32(vaddq_f32(vmulq_n_f32(b.v[k], reciprocal), vdupq_n_f32(8.5f)));
    };
    const int8x16_t most = vdupq_n_s8(15);
    const uint8x16_t low = vreinterpretq_u8_s8(vminq_s8(bytes_of(q(0), q(1), q(2), q(3)), most));
    const uint8x16_t high = vreinterpretq_u8_s8(vminq_s8(bytes_of(q(4), q(5), q(6), q(7)), most));
    store_scale(y, scale);
    vst1q_u8(y + 2, vorrq_u8(low, vshlq_n_u8(high, 4)));
  }
}

void neon::dequantize_gguf_q8_0(const uint8_t* x, float* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += 34, y += kValues) {
    const uint16_t half = half_at(x);
    if (!is_finite(half)) {
      scalar::dequantize_gguf_q8_0(x, y, 1);
      continue;
    }
    const float scale = scale_of(half);
    put_products(y, vreinterpretq_s8_u8(vld1q_u8(x + 2)), scale);
    put_products(y + 16, vreinterpretq_s8_u8(vld1q_u8(x + 18)), scale);
  }
}

void neon::dequantize_gguf_q4_0(const uint8_t* x, float* y, size_t blocks) {
  const int8x16_t eight = vdupq_n_s8(8);
  for (; blocks > 0; --blocks, x += 18, y += kValues) {
    const uint16_t half = half_at(x);
    if (!is_finite(half)) {
      scalar::dequantize_gguf_q4_0(x, y, 1);
      continue;
    }
    const float scale = scale_of(half);
    const uint8x16_t q = vld1q_u8(x + 2);
    put_products(y, vsubq_s8(vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15))), eight), scale);
    put_products(y + 16, vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(q, 4)), eight), scale);
  }
}

}  // namespace modelpress

#include <cstring>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kValues = 32;
constexpr float kLargest = 3.402823466e+38f;
constexpr uint16_t kHalfNaN = 0x7e00;
constexpr uint32_t kFloatNaN = 0x7fc00000;

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline float magnitude(float value) { return float_of(bits_of(value) & 0x7fffffff); }

// To the nearest half, ties to even; every NaN becomes one.
inline uint16_t to_half(float value) {
  const uint32_t sign = bits_of(value) >> 16 & 0x8000;
  const uint32_t x = bits_of(value) & 0x7fffffff;
  if (x > 0x7f800000) return kHalfNaN;
  if (x >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520, half way to the next power
  // A sum with 0.5 has the last bit of a subnormal half, so the addition does the rounding.
  if (x < 0x38800000) return static_cast<uint16_t>(sign | (bits_of(float_of(x) + 0.5f) - bits_of(0.5f)));
  return static_cast<uint16_t>(sign | ((x + 0xfff + (x >> 13 & 1) - 0x38000000) >> 13));
}

// Exact. Infinities and NaN come out as large numbers: whoever calls this treats them first.
inline float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const float v = float_of(static_cast<uint32_t>(half & 0x7fff) << 13) * 0x1p112f;
  return float_of(bits_of(v) | sign);
}

inline void store_half(uint8_t* y, uint16_t half) {
  y[0] = static_cast<uint8_t>(half);
  y[1] = static_cast<uint8_t>(half >> 8);
}

inline uint16_t load_half(const uint8_t* x) { return static_cast<uint16_t>(x[0] | x[1] << 8); }

inline bool is_finite(float v) { return magnitude(v) <= kLargest; }

// Ties away from zero: the largest float below 0.5 takes every tie up, and nothing that is less than a tie.
inline int8_t round_away(float v) {
  const float half = v < 0.0f ? -0x1.fffffep-2f : 0x1.fffffep-2f;
  return is_finite(v) ? static_cast<int8_t>(v + half) : 0;
}

inline uint8_t step_of(float v) {
  const int step = is_finite(v) ? static_cast<int>(v) : 0;
  return static_cast<uint8_t>(step < 15 ? step : 15);
}

// What dequantization gives: a product is NaN only if the scale is not finite, and its bits would be the
// processor's choice.
inline float product(float a, float b) {
  const float v = a * b;
  return v == v ? v : float_of(kFloatNaN);
}

inline float scale_of(const uint8_t* x) {
  const uint16_t half = load_half(x);
  if ((half & 0x7c00) != 0x7c00) return from_half(half);
  if ((half & 0x3ff) != 0) return float_of(kFloatNaN);
  return float_of(half & 0x8000 ? 0xff800000 : 0x7f800000);
}

}  // namespace

void scalar::quantize_gguf_q8_0(const float* x, uint8_t* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += kValues, y += 34) {
    float largest = 0.0f;
    bool is_nan = false;
    for (size_t i = 0; i < kValues; ++i) {
      const float v = magnitude(x[i]);
      largest = v > largest ? v : largest;
      is_nan |= v != v;
    }
    const float scale = is_nan ? float_of(kFloatNaN) : largest / 127.0f;
    const float reciprocal = scale != 0.0f ? 1.0f / scale : 0.0f;
    store_half(y, to_half(scale));
    for (size_t i = 0; i < kValues; ++i) y[2 + i] = static_cast<uint8_t>(round_away(x[i] * reciprocal));
  }
}

void scalar::quantize_gguf_q4_0(const float* x, uint8_t* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += kValues, y += 18) {
    float largest = 0.0f;  // with its sign
    bool is_nan = false;
    for (size_t i = 0; i < kValues; ++i) {
      if (magnitude(x[i]) > magnitude(largest)) largest = x[i];
      is_nan |= x[i] != x[i];
    }
    const float scale = is_nan ? float_of(kFloatNaN) : largest / -8.0f;
    const float reciprocal = scale != 0.0f ? 1.0f / scale : 0.0f;
    store_half(y, to_half(scale));
    for (size_t i = 0; i < kValues / 2; ++i) {
      const uint8_t low = step_of(x[i] * reciprocal + 8.5f);
      const uint8_t high = step_of(x[i + kValues / 2] * reciprocal + 8.5f);
      y[2 + i] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

void scalar::dequantize_gguf_q8_0(const uint8_t* x, float* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += 34, y += kValues) {
    const float scale = scale_of(x);
    for (size_t i = 0; i < kValues; ++i)
      y[i] = product(static_cast<float>(static_cast<int8_t>(x[2 + i])), scale);
  }
}

void scalar::dequantize_gguf_q4_0(const uint8_t* x, float* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += 18, y += kValues) {
    const float scale = scale_of(x);
    for (size_t i = 0; i < kValues / 2; ++i) {
      y[i] = product(static_cast<float>((x[2 + i] & 15) - 8), scale);
      y[i + kValues / 2] = product(static_cast<float>((x[2 + i] >> 4) - 8), scale);
    }
  }
}

}  // namespace modelpress

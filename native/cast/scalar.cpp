#include <string.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr uint32_t kInfinity = 0x7f800000;  // bits of float32
constexpr uint32_t kQuiet = 0x00400000;

inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Drops the lowest `count` bits, rounding to nearest, ties to even; a carry may run up into the exponent.
inline uint32_t round_off(uint32_t bits, int count) {
  const uint32_t odd = (bits >> count) & 1;
  return (bits + (1u << (count - 1)) - 1 + odd) >> count;
}

constexpr uint32_t kHalfSmallestNormal = 0x38800000;  // 2^-14
constexpr uint32_t kHalfOverflow = 0x477ff000;        // 65520, the tie between 65504 and what would be 65536
constexpr uint32_t kHalfBias = (127 - 15) << 23;

inline uint16_t to_float16(float x) {
  const uint32_t sign = bits_of(x) >> 16 & 0x8000;
  const uint32_t magnitude = bits_of(x) & 0x7fffffff;
  uint32_t half;
  if (magnitude > kInfinity)
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);
  else if (magnitude >= kHalfOverflow)
    half = 0x7c00;
  else if (magnitude >= kHalfSmallestNormal)
    half = round_off(magnitude - kHalfBias, 13);
  else  // one unit of 0.5f is the smallest subnormal, so the sum is rounded where the result is
    half = bits_of(from_bits(magnitude) + 0.5f) - bits_of(0.5f);
  return static_cast<uint16_t>(sign | half);
}

inline float from_float16(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
  const uint32_t magnitude = x & 0x7fff;
  uint32_t bits;
  if (magnitude > 0x7c00)
    bits = kInfinity | kQuiet | magnitude << 13;
  else if (magnitude == 0x7c00)
    bits = kInfinity;
  else if (magnitude >= 0x400)
    bits = (magnitude << 13) + kHalfBias;
  else
    bits = bits_of(static_cast<float>(magnitude) * 0x1p-24f);
  return from_bits(sign | bits);
}

inline uint16_t to_bfloat16(float x) {
  const uint32_t bits = bits_of(x);
  const bool is_nan = (bits & 0x7fffffff) > kInfinity;
  return static_cast<uint16_t>(is_nan ? (bits | kQuiet) >> 16 : round_off(bits, 16));
}

inline uint32_t from_bfloat16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  return (bits & 0x7fffffff) > kInfinity ? bits | kQuiet : bits;
}

template <class T>
inline T clamp(T v, T lo, T hi) {
  return v < lo ? lo : v > hi ? hi : v;
}

template <class T>
void pack(const T* x, uint8_t* y, size_t n, T lo, T hi) {
  const auto nibble = [&](size_t i) { return static_cast<uint32_t>(clamp(x[i], lo, hi)) & 15u; };
  size_t i = 0;
  for (; i + 2 <= n; i += 2) y[i / 2] = static_cast<uint8_t>(nibble(i) | nibble(i + 1) << 4);
  if (i < n) y[i / 2] = static_cast<uint8_t>(nibble(i));
}

inline uint32_t nibble_at(const uint8_t* x, size_t i) { return x[i / 2] >> i % 2 * 4 & 15u; }

}  // namespace

void scalar::float32_to_float16(const float* x, uint16_t* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = to_float16(x[i]);
}

void scalar::float16_to_float32(const uint16_t* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = from_float16(x[i]);
}

void scalar::float32_to_bfloat16(const float* x, uint16_t* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = to_bfloat16(x[i]);
}

void scalar::bfloat16_to_float32(const uint16_t* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = from_bits(from_bfloat16(x[i]));
}

void scalar::pack_s4(const int8_t* x, uint8_t* y, size_t n) { pack<int8_t>(x, y, n, -8, 7); }

void scalar::pack_u4(const uint8_t* x, uint8_t* y, size_t n) { pack<uint8_t>(x, y, n, 0, 15); }

void scalar::unpack_s4(const uint8_t* x, int8_t* y, size_t n) {
  for (size_t i = 0; i < n; ++i)
    y[i] = static_cast<int8_t>(static_cast<int32_t>(nibble_at(x, i) ^ 8u) - 8);  // sign in bit 3
}

void scalar::unpack_u4(const uint8_t* x, uint8_t* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = static_cast<uint8_t>(nibble_at(x, i));
}

}  // namespace modelpress

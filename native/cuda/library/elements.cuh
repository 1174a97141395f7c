// Element types on the device: the bits of 16-bit floats, and pairs of 4-bit values.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

namespace modelpress {

// Numbered as in ONNX.
enum ElementType : int32_t {
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kFloat16 = 10,
  kBfloat16 = 16,
  kUint4 = 21,
  kInt4 = 22,
};

inline size_t bits_of(int32_t type) {
  switch (type) {
    case kUint4:
    case kInt4:
      return 4;
    case kUint8:
    case kInt8:
      return 8;
    case kFloat32:
    case kInt32:
      return 32;
    default:
      return 16;
  }
}

constexpr uint32_t kInfinityBits = 0x7f800000;
constexpr uint32_t kQuietBit = 0x00400000;
constexpr uint32_t kHalfSmallestNormal = 0x38800000;  // 2^-14
constexpr uint32_t kHalfOverflow = 0x477ff000;        // 65520, the tie between 65504 and what would be 65536
constexpr uint32_t kHalfBias = (127 - 15) << 23;

// Drops the lowest `count` bits, rounding to nearest, ties to even; a carry may run up into the exponent.
__device__ inline uint32_t round_off(uint32_t bits, int count) {
  const uint32_t odd = (bits >> count) & 1;
  return (bits + (1u << (count - 1)) - 1 + odd) >> count;
}

__device__ inline uint16_t to_float16(float x) {
  const uint32_t sign = __float_as_uint(x) >> 16 & 0x8000;
  const uint32_t magnitude = __float_as_uint(x) & 0x7fffffff;
  uint32_t half;
  if (magnitude > kInfinityBits)
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);
  else if (magnitude >= kHalfOverflow)
    half = 0x7c00;
  else if (magnitude >= kHalfSmallestNormal)
    half = round_off(magnitude - kHalfBias, 13);
  else  // one unit of 0.5f is the smallest subnormal, so the sum is rounded where the result is
    half = __float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000;
  return static_cast<uint16_t>(sign | half);
}

__device__ inline float from_float16(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
  const uint32_t magnitude = x & 0x7fff;
  uint32_t bits;
  if (magnitude > 0x7c00)
    bits = kInfinityBits | kQuietBit | magnitude << 13;
  else if (magnitude == 0x7c00)
    bits = kInfinityBits;
  else if (magnitude >= 0x400)
    bits = (magnitude << 13) + kHalfBias;
  else
    bits = __float_as_uint(static_cast<float>(magnitude) * 5.9604644775390625e-8f);  // 2^-24
  return __uint_as_float(sign | bits);
}

__device__ inline uint16_t to_bfloat16(float x) {
  const uint32_t bits = __float_as_uint(x);
  const bool is_nan = (bits & 0x7fffffff) > kInfinityBits;
  return static_cast<uint16_t>(is_nan ? (bits | kQuietBit) >> 16 : round_off(bits, 16));
}

__device__ inline float from_bfloat16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  return __uint_as_float((bits & 0x7fffffff) > kInfinityBits ? bits | kQuietBit : bits);
}

// Element i of floats. All threads take the same way.
__device__ inline float load_float(const void* x, int32_t type, size_t i) {
  if (type == kFloat32) return static_cast<const float*>(x)[i];
  const uint16_t bits = static_cast<const uint16_t*>(x)[i];
  return type == kFloat16 ? from_float16(bits) : from_bfloat16(bits);
}

__device__ inline void store_float(void* y, int32_t type, size_t i, float value) {
  if (type == kFloat32)
    static_cast<float*>(y)[i] = value;
  else
    static_cast<uint16_t*>(y)[i] = type == kFloat16 ? to_float16(value) : to_bfloat16(value);
}

}  // namespace modelpress

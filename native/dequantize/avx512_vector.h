// Sixteen floats at a time, for rows.h and lanes.h.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace modelpress {
namespace {

struct Avx512 {
  using Floats = __m512;
  using Integers = __m512i;
  static constexpr size_t kFloats = 16;

  static Floats all(float v) { return _mm512_set1_ps(v); }
  static Integers all(int32_t v) { return _mm512_set1_epi32(v); }
  static Floats load(const float* x) { return _mm512_loadu_ps(x); }
  static void store(float* y, Floats v) { _mm512_storeu_ps(y, v); }
  static void stream(float* y, Floats v) { _mm512_stream_ps(y, v); }

  static Integers widen(const int8_t* x) { return _mm512_cvtepi8_epi32(load_16_bytes(x)); }
  static Integers widen(const uint8_t* x) { return _mm512_cvtepu8_epi32(load_16_bytes(x)); }
  static Integers widen(const int16_t* x) { return _mm512_cvtepi16_epi32(load_32_bytes(x)); }
  static Integers widen(const uint16_t* x) { return _mm512_cvtepu16_epi32(load_32_bytes(x)); }
  static Integers widen(const int32_t* x) { return _mm512_loadu_si512(x); }

  static Floats dequantized(Integers x, Integers zero_point, Floats scale) {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(x, zero_point)), scale);
  }

 private:
  static __m128i load_16_bytes(const void* x) { return _mm_loadu_si128(static_cast<const __m128i*>(x)); }
  static __m256i load_32_bytes(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }
};

}  // namespace
}  // namespace modelpress

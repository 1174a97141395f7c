// Eight floats at a time, for rows.h and lanes.h. Each file that includes it gets its own copy, as with
// ahead.h.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace modelpress {
namespace {

struct Avx2 {
  using Floats = __m256;
  using Integers = __m256i;
  static constexpr size_t kFloats = 8;

  static Floats all(float v) { return _mm256_set1_ps(v); }
  static Integers all(int32_t v) { return _mm256_set1_epi32(v); }
  static Floats load(const float* x) { return _mm256_loadu_ps(x); }
  static void store(float* y, Floats v) { _mm256_storeu_ps(y, v); }
  static void stream(float* y, Floats v) { _mm256_stream_ps(y, v); }

  static Integers widen(const int8_t* x) { return _mm256_cvtepi8_epi32(load_8_bytes(x)); }
  static Integers widen(const uint8_t* x) { return _mm256_cvtepu8_epi32(load_8_bytes(x)); }
  static Integers widen(const int16_t* x) { return _mm256_cvtepi16_epi32(load_16_bytes(x)); }
  static Integers widen(const uint16_t* x) { return _mm256_cvtepu16_epi32(load_16_bytes(x)); }
  static Integers widen(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }

  static Floats dequantized(Integers x, Integers zero_point, Floats scale) {
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(x, zero_point)), scale);
  }

 private:
  static __m128i load_8_bytes(const void* x) { return _mm_loadl_epi64(static_cast<const __m128i*>(x)); }
  static __m128i load_16_bytes(const void* x) { return _mm_loadu_si128(static_cast<const __m128i*>(x)); }
};

}  // namespace
}  // namespace modelpress

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

  static Floats load(const float* x) { return _mm256_loadu_ps(x); }
  static void store(float* y, Floats v) { _mm256_storeu_ps(y, v); }
  static Floats all(float v) { return _mm256_set1_ps(v); }
  static Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  // The second operand for a NaN.
  static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  // a * b + c and c - a * b, rounded once.
  static Floats fused(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats fused_rest(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
  // To nearest, ties to even; the smallest integer for a NaN and what is too large.
  static Integers rounded(Floats v) { return _mm256_cvtps_epi32(v); }

  // 1 / scale - reciprocal.
  static Floats remainder(Floats scale, Floats reciprocal) {
    const __m128 high = half_remainder(_mm256_extractf128_ps(scale, 1), _mm256_extractf128_ps(reciprocal, 1));
    return _mm256_set_m128(high,
                           half_remainder(_mm256_castps256_ps128(scale), _mm256_castps256_ps128(reciprocal)));
  }

  static Integers load(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static void store(void* y, Integers v) { _mm256_storeu_si256(static_cast<__m256i*>(y), v); }
  static void stream(void* y, Integers v) { _mm256_stream_si256(static_cast<__m256i*>(y), v); }
  static Integers all16(int16_t v) { return _mm256_set1_epi16(v); }
  static Integers all32(int32_t v) { return _mm256_set1_epi32(v); }
  static Integers add32(Integers a, Integers b) { return _mm256_add_epi32(a, b); }
  static Integers add_saturated16(Integers a, Integers b) { return _mm256_adds_epi16(a, b); }
  // Two vectors as one of half the width, saturated; within each 128 bits a comes before b.
  static Integers pack32(Integers a, Integers b) { return _mm256_packs_epi32(a, b); }
  static Integers pack(Integers a, Integers b, int8_t) { return _mm256_packs_epi16(a, b); }
  static Integers pack(Integers a, Integers b, uint8_t) { return _mm256_packus_epi16(a, b); }
  static Integers pack(Integers a, Integers b, int16_t) { return _mm256_packs_epi32(a, b); }
  static Integers pack(Integers a, Integers b, uint16_t) { return _mm256_packus_epi32(a, b); }
  // Undoes that of one, and of two after one another.
  static Integers in_order16(Integers v) { return _mm256_permute4x64_epi64(v, 0xd8); }
  static Integers in_order8(Integers v) {
    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  }

 private:
  static __m128 half_remainder(__m128 scale, __m128 reciprocal) {
    const __m256d exact = _mm256_div_pd(_mm256_set1_pd(1.0), _mm256_cvtps_pd(scale));
    return _mm256_cvtpd_ps(_mm256_sub_pd(exact, _mm256_cvtps_pd(reciprocal)));
  }
};

}  // namespace
}  // namespace modelpress

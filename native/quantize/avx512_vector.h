// Sixteen floats at a time, for rows.h and lanes.h; avx2_vector.h says what each function does.
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

  static Floats load(const float* x) { return _mm512_loadu_ps(x); }
  static void store(float* y, Floats v) { _mm512_storeu_ps(y, v); }
  static Floats all(float v) { return _mm512_set1_ps(v); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
  static Floats fused(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats fused_rest(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
  static Integers rounded(Floats v) { return _mm512_cvtps_epi32(v); }

  static Floats remainder(Floats scale, Floats reciprocal) {
    const __m256 high =
        half_remainder(_mm512_extractf32x8_ps(scale, 1), _mm512_extractf32x8_ps(reciprocal, 1));
    const __m256 low = half_remainder(_mm512_castps512_ps256(scale), _mm512_castps512_ps256(reciprocal));
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  }

  static Integers load(const int32_t* x) { return _mm512_loadu_si512(x); }
  static void store(void* y, Integers v) { _mm512_storeu_si512(y, v); }
  static void stream(void* y, Integers v) { _mm512_stream_si512(static_cast<__m512i*>(y), v); }
  static Integers all16(int16_t v) { return _mm512_set1_epi16(v); }
  static Integers all32(int32_t v) { return _mm512_set1_epi32(v); }
  static Integers add32(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
  static Integers add_saturated16(Integers a, Integers b) { return _mm512_adds_epi16(a, b); }
  static Integers pack32(Integers a, Integers b) { return _mm512_packs_epi32(a, b); }
  static Integers pack(Integers a, Integers b, int8_t) { return _mm512_packs_epi16(a, b); }
  static Integers pack(Integers a, Integers b, uint8_t) { return _mm512_packus_epi16(a, b); }
  static Integers pack(Integers a, Integers b, int16_t) { return _mm512_packs_epi32(a, b); }
  static Integers pack(Integers a, Integers b, uint16_t) { return _mm512_packus_epi32(a, b); }
  static Integers in_order16(Integers v) {
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), v);
  }
  static Integers in_order8(Integers v) {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
                                    v);
  }

 private:
  static __m256 half_remainder(__m256 scale, __m256 reciprocal) {
    const __m512d exact = _mm512_div_pd(_mm512_set1_pd(1.0), _mm512_cvtps_pd(scale));
    return _mm512_cvtpd_ps(_mm512_sub_pd(exact, _mm512_cvtps_pd(reciprocal)));
  }
};

}  // namespace
}  // namespace modelpress

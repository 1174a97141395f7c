// Eight floats at a time, for steps.h and rows.h. Each file that includes it gets its own copy, as with
// ahead.h.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../avx2_transpose.h"

namespace modelpress {
namespace {

struct Avx2 {
  using Floats = __m256;
  using Integers = __m256i;
  static constexpr size_t kFloats = 8;

  static Floats load(const float* x) { return _mm256_loadu_ps(x); }
  static void store(float* y, Floats v) { _mm256_storeu_ps(y, v); }
  static void stream(void* y, Floats v) { _mm256_stream_ps(static_cast<float*>(y), v); }
  // The first `count`, to where bytes may lie.
  static void store_first(void* y, Floats v, size_t count) {
    if (count >= kFloats) return store(static_cast<float*>(y), v);
    alignas(32) float all[kFloats];
    store(all, v);
    memcpy(y, all, count * sizeof(float));
  }
  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats all(float v) { return _mm256_set1_ps(v); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  // The second operand for a NaN and for equals.
  static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  // b where it is farther from 0, else a.
  static Floats farther(Floats a, Floats b) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return _mm256_blendv_ps(a, b,
                            _mm256_cmp_ps(_mm256_andnot_ps(sign, b), _mm256_andnot_ps(sign, a), _CMP_GT_OQ));
  }
  // 0 where `of` is 0, which NaN is not.
  static Floats unless_zero(Floats of, Floats v) {
    return _mm256_and_ps(v, _mm256_cmp_ps(of, zero(), _CMP_NEQ_UQ));
  }
  // NaN is not.
  static bool any_above(Floats v, float most) {
    return _mm256_movemask_ps(_mm256_cmp_ps(v, all(most), _CMP_GT_OQ)) != 0;
  }
  static Floats magnitude(Floats v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }

  // Towards 0; the smallest integer for a NaN and what is too large.
  static Integers truncated(Floats v) { return _mm256_cvttps_epi32(v); }
  static Floats floats(Integers v) { return _mm256_cvtepi32_ps(v); }
  static Integers load(const uint32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static void store(uint32_t* y, Integers v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), v); }
  static Integers all8(char v) { return _mm256_set1_epi8(v); }
  static Integers min8(Integers a, Integers b) { return _mm256_min_epu8(a, b); }
  static Integers either(Integers a, Integers b) { return _mm256_or_si256(a, b); }
  static Integers left_4(Integers v) { return _mm256_slli_epi16(v, 4); }
  static Integers left(Integers v, int bits) { return _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
  static Integers pack32(Integers a, Integers b) { return _mm256_packs_epi32(a, b); }
  static Integers pack16(Integers a, Integers b) { return _mm256_packus_epi16(a, b); }
  // Of four vectors that were packed into bytes, the four bytes of a column side by side.
  static Integers columns(Integers bytes) {
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order));
  }

  static void transpose(Floats (&r)[kFloats]) { modelpress::transpose(r); }
};

}  // namespace
}  // namespace modelpress

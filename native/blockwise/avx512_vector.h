// Sixteen floats at a time, for steps.h and rows.h; avx2_vector.h says what each function does.
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
  static void stream(void* y, Floats v) { _mm512_stream_ps(static_cast<float*>(y), v); }
  static void store_first(void* y, Floats v, size_t count) {
    _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1u << count) - 1), v);
  }
  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats all(float v) { return _mm512_set1_ps(v); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
  static Floats farther(Floats a, Floats b) {
    return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(magnitude(b), magnitude(a), _CMP_GT_OQ), b);
  }
  static Floats unless_zero(Floats of, Floats v) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(of, zero(), _CMP_NEQ_UQ), v);
  }
  static bool any_above(Floats v, float most) { return _mm512_cmp_ps_mask(v, all(most), _CMP_GT_OQ) != 0; }
  static Floats magnitude(Floats v) { return _mm512_abs_ps(v); }

  static Integers truncated(Floats v) { return _mm512_cvttps_epi32(v); }
  static Floats floats(Integers v) { return _mm512_cvtepi32_ps(v); }
  static Integers load(const uint32_t* x) { return _mm512_loadu_si512(x); }
  static void store(uint32_t* y, Integers v) { _mm512_storeu_si512(y, v); }
  static Integers all8(char v) { return _mm512_set1_epi8(v); }
  static Integers min8(Integers a, Integers b) { return _mm512_min_epu8(a, b); }
  static Integers either(Integers a, Integers b) { return _mm512_or_si512(a, b); }
  static Integers left_4(Integers v) { return _mm512_slli_epi16(v, 4); }
  static Integers left(Integers v, int bits) { return _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
  static Integers pack32(Integers a, Integers b) { return _mm512_packs_epi32(a, b); }
  static Integers pack16(Integers a, Integers b) { return _mm512_packus_epi16(a, b); }
  static Integers columns(Integers bytes) {
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(order));
  }

  static void transpose(Floats (&r)[kFloats]) {
    __m512 t[16];
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
      r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
      r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
      r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
    }
    // Now quarter q of r[4 * i + k] has column 4 * q + k of the rows from 4 * i on.
    constexpr int kEven = _MM_SHUFFLE(2, 0, 2, 0);
    constexpr int kOdd = _MM_SHUFFLE(3, 1, 3, 1);
    for (int k = 0; k < 4; ++k) {
      const __m512 even_low = _mm512_shuffle_f32x4(r[k], r[k + 4], kEven);
      const __m512 odd_low = _mm512_shuffle_f32x4(r[k], r[k + 4], kOdd);
      const __m512 even_high = _mm512_shuffle_f32x4(r[k + 8], r[k + 12], kEven);
      const __m512 odd_high = _mm512_shuffle_f32x4(r[k + 8], r[k + 12], kOdd);
      t[k] = _mm512_shuffle_f32x4(even_low, even_high, kEven);
      t[k + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, kEven);
      t[k + 8] = _mm512_shuffle_f32x4(even_low, even_high, kOdd);
      t[k + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, kOdd);
    }
    for (int i = 0; i < 16; ++i) r[i] = t[i];
  }
};

}  // namespace
}  // namespace modelpress

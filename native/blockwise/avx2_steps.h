// From the range of a block to its parameters and steps.
#pragma once

#include <string.h>

#include "avx2.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;

// Of 8 blocks.
struct Range {
  __m256 min, max;

  // The second operand stays where v is not less, or not greater: of NaN and of equals.
  void fold(__m256 v) {
    min = _mm256_min_ps(v, min);
    max = _mm256_max_ps(v, max);
  }
};

inline Range nothing() { return {_mm256_set1_ps(kLargest), _mm256_set1_ps(-kLargest)}; }

// Ties away from zero: the largest float below 0.5 takes every tie up, and nothing that is less than a tie.
inline __m256i round_away(__m256 v) {
  return _mm256_cvttps_epi32(_mm256_add_ps(v, _mm256_set1_ps(0x1.fffffep-2f)));
}

struct Params {
  __m256 scale, zero_point;

  __m256 reciprocal() const {
    const __m256 has_scale = _mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_NEQ_UQ);
    return _mm256_and_ps(_mm256_div_ps(_mm256_set1_ps(1.0f), scale), has_scale);
  }
};

template <int kBits>
inline Params symmetric_params(const Range& range) {
  constexpr float kMid = 1 << (kBits - 1);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 is_max =
      _mm256_cmp_ps(_mm256_andnot_ps(sign, range.max), _mm256_andnot_ps(sign, range.min), _CMP_GT_OQ);
  const __m256 far = _mm256_blendv_ps(range.min, range.max, is_max);
  return {_mm256_mul_ps(far, _mm256_set1_ps(-1.0f / kMid)), _mm256_set1_ps(kMid)};
}

// max gives its second operand on NaN, which infinite ranges make.
template <int kBits>
inline Params asymmetric_params(const Range& range) {
  const __m256 zero = _mm256_setzero_ps();
  const __m256 most = _mm256_set1_ps((1 << kBits) - 1);
  const __m256 min = _mm256_min_ps(zero, range.min);
  const __m256 max = _mm256_max_ps(zero, range.max);
  const __m256 scale = _mm256_div_ps(_mm256_sub_ps(max, min), most);
  const __m256 has_scale = _mm256_cmp_ps(scale, zero, _CMP_NEQ_UQ);
  const __m256 point = _mm256_and_ps(_mm256_sub_ps(zero, _mm256_div_ps(min, scale)), has_scale);
  return {scale, _mm256_cvtepi32_ps(round_away(_mm256_min_ps(_mm256_max_ps(point, zero), most)))};
}

template <int kBits>
inline Params params_of(const Range& range, bool symmetric) {
  return symmetric ? symmetric_params<kBits>(range) : asymmetric_params<kBits>(range);
}

// Whether one is infinite: then a product with it may be too large for an integer.
inline bool is_extreme(__m256 reciprocal) {
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), reciprocal);
  return _mm256_movemask_ps(_mm256_cmp_ps(magnitude, _mm256_set1_ps(kLargest), _CMP_GT_OQ)) != 0;
}

// The first `count` of 8, to where bytes may lie.
inline void store_floats(void* y, __m256 v, size_t count) {
  if (count >= 8) return _mm256_storeu_ps(static_cast<float*>(y), v);
  alignas(32) float all[8];
  _mm256_store_ps(all, v);
  memcpy(y, all, count * sizeof(float));
}

// Four vectors of integers as bytes: of each half, four of the first, then of the others. Saturates, and
// makes 0 of what a NaN was converted to.
inline __m256i bytes_of(__m256i a, __m256i b, __m256i c, __m256i d) {
  return _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
}

// What bytes_of made, with the four bytes of a column side by side.
inline __m256i columns_of(__m256i bytes) {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order));
}

// round(w * reciprocal + zero point).
template <int kBits, bool kIsExtreme>
struct Steps {
  __m256 reciprocal, zero_point;

  __m256i of(const float* values) const {
    __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(values), reciprocal), zero_point);
    // Only a product with an infinite reciprocal can be too large for an integer; min keeps NaN here.
    if (kIsExtreme) v = _mm256_min_ps(_mm256_set1_ps((1 << kBits) - 1), v);
    return round_away(v);  // what is below 0 is above -1
  }

  // 32 / kBits rows of 8 columns, a word per column.
  __m256i words(const float* values, size_t stride) const {
    const auto q = [&](size_t i) { return of(values + i * stride); };
    if (kBits == 8) return columns_of(bytes_of(q(0), q(1), q(2), q(3)));
    const __m256i most = _mm256_set1_epi8(15);
    const __m256i low = _mm256_min_epu8(bytes_of(q(0), q(2), q(4), q(6)), most);
    const __m256i high = _mm256_min_epu8(bytes_of(q(1), q(3), q(5), q(7)), most);
    return columns_of(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)));
  }

  // 16 or 32 rows of one column.
  void column(const float* values, size_t count, uint8_t* y) const {
    const __m256i none = _mm256_setzero_si256();
    const __m256i mixed = bytes_of(of(values), of(values + 8), count > 16 ? of(values + 16) : none,
                                   count > 16 ? of(values + 24) : none);
    const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m128i first = _mm256_castsi256_si128(bytes);
    const auto to = reinterpret_cast<__m128i*>(y);
    if (kBits == 8) {
      _mm_storeu_si128(to, first);
      if (count > 16) _mm_storeu_si128(to + 1, _mm256_extracti128_si256(bytes, 1));
      return;
    }
    const __m256i small = _mm256_min_epu8(bytes, _mm256_set1_epi8(15));
    const __m256i pairs = _mm256_maddubs_epi16(small, _mm256_set1_epi16(0x1001));
    const __m128i packed =
        _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    if (count > 16)
      _mm_storeu_si128(to, packed);
    else
      _mm_storel_epi64(to, packed);
  }
};

}  // namespace
}  // namespace modelpress

#include <immintrin.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kValues = 32;
constexpr float kLargest = 3.402823466e+38f;

// From these many blocks on, values go around the cache, as in dequantize_linear.
constexpr size_t kStream = (size_t{8} << 20) / kValues;

struct Block {
  __m256 v[4];
};

inline Block load(const float* x) {
  return {{_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8), _mm256_loadu_ps(x + 16), _mm256_loadu_ps(x + 24)}};
}

inline bool has_nan(const Block& b) {
  return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(b.v[0], b.v[1], _CMP_UNORD_Q),
                                         _mm256_cmp_ps(b.v[2], b.v[3], _CMP_UNORD_Q))) != 0;
}

// The largest magnitude, in every lane.
inline __m256 largest_of(const Block& b) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 ab = _mm256_max_ps(_mm256_andnot_ps(sign, b.v[0]), _mm256_andnot_ps(sign, b.v[1]));
  const __m256 cd = _mm256_max_ps(_mm256_andnot_ps(sign, b.v[2]), _mm256_andnot_ps(sign, b.v[3]));
  __m256 m = _mm256_max_ps(ab, cd);
  m = _mm256_max_ps(m, _mm256_permute2f128_ps(m, m, 1));
  m = _mm256_max_ps(m, _mm256_permute_ps(m, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm256_max_ps(m, _mm256_permute_ps(m, _MM_SHUFFLE(2, 3, 0, 1)));
}

// 1 / scale, and 0 for a scale of 0.
inline __m256 reciprocal_of(__m256 scale) {
  return _mm256_and_ps(_mm256_div_ps(_mm256_set1_ps(1.0f), scale),
                       _mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}

// Where this does not hold some products are NaN or infinite, and the scalar kernel knows what they become.
inline bool is_ordinary(const Block& b, __m256 largest, __m256 reciprocal) {
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), reciprocal);
  const float most = _mm256_cvtss_f32(_mm256_max_ps(largest, magnitude));
  return most <= kLargest && !has_nan(b);
}

inline void store_scale(uint8_t* y, __m256 scale) {
  const int half =
      _mm_extract_epi16(_mm_cvtps_ph(_mm256_castps256_ps128(scale), _MM_FROUND_TO_NEAREST_INT), 0);
  y[0] = static_cast<uint8_t>(half);
  y[1] = static_cast<uint8_t>(half >> 8);
}

// Four vectors of integers as bytes, in order.
inline __m256i bytes_of(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i q = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  return _mm256_permutevar8x32_epi32(q, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// Ties away from zero: the largest float below 0.5 takes every tie up, and nothing that is less than a tie.
inline __m256i round_away(__m256 v) {
  const __m256 half = _mm256_set1_ps(0x1.fffffep-2f);
  const __m256 sign = _mm256_and_ps(v, _mm256_set1_ps(-0.0f));
  return _mm256_cvttps_epi32(_mm256_add_ps(v, _mm256_or_ps(sign, half)));
}

inline uint16_t half_at(const uint8_t* x) { return static_cast<uint16_t>(x[0] | x[1] << 8); }

inline bool is_finite(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

inline __m256 scale_of(uint16_t half) { return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }

struct Store {
  void operator()(float* y, __m256 v) const { _mm256_storeu_ps(y, v); }
};

struct Stream {
  void operator()(float* y, __m256 v) const { _mm256_stream_ps(y, v); }
};

// 8 signed bytes times the scale.
template <class Put>
inline void put_products(float* y, __m128i q, __m256 scale, const Put& put) {
  put(y, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)), scale));
}

template <class Put>
inline void put_products16(float* y, __m128i q, __m256 scale, const Put& put) {
  put_products(y, q, scale, put);
  put_products(y + 8, _mm_srli_si128(q, 8), scale, put);
}

inline __m128i load16(const uint8_t* x) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)); }

template <class Put>
void dequantize_q8_0(const uint8_t* x, float* y, size_t blocks, const Put& put) {
  for (; blocks > 0; --blocks, x += 34, y += kValues) {
    const uint16_t half = half_at(x);
    if (!is_finite(half)) {
      scalar::dequantize_gguf_q8_0(x, y, 1);
      continue;
    }
    const __m256 scale = scale_of(half);
    put_products16(y, load16(x + 2), scale, put);
    put_products16(y + 16, load16(x + 18), scale, put);
  }
}

template <class Put>
void dequantize_q4_0(const uint8_t* x, float* y, size_t blocks, const Put& put) {
  const __m128i low = _mm_set1_epi8(15);
  const __m128i eight = _mm_set1_epi8(8);
  for (; blocks > 0; --blocks, x += 18, y += kValues) {
    const uint16_t half = half_at(x);
    if (!is_finite(half)) {
      scalar::dequantize_gguf_q4_0(x, y, 1);
      continue;
    }
    const __m256 scale = scale_of(half);
    const __m128i q = load16(x + 2);
    put_products16(y, _mm_sub_epi8(_mm_and_si128(q, low), eight), scale, put);
    put_products16(y + 16, _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(q, 4), low), eight), scale, put);
  }
}

inline bool is_streamed(const float* y, size_t blocks) {
  return blocks >= kStream && (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256) - 1)) == 0;
}

}  // namespace

void avx2::quantize_gguf_q8_0(const float* x, uint8_t* y, size_t blocks) {
  for (; blocks > 0; --blocks, x += kValues, y += 34) {
    const Block b = load(x);
    const __m256 largest = largest_of(b);
    const __m256 scale = _mm256_div_ps(largest, _mm256_set1_ps(127.0f));
    const __m256 reciprocal = reciprocal_of(scale);
    if (!is_ordinary(b, largest, reciprocal)) {
      scalar::quantize_gguf_q8_0(x, y, 1);
      continue;
    }
    const auto q = [&](int k) { return round_away(_mm256_mul_ps(b.v[k], reciprocal)); };
    store_scale(y, scale);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + 2), bytes_of(q(0), q(1), q(2), q(3)));
  }
}

void avx2::quantize_gguf_q4_0(const float* x, uint8_t* y, size_t blocks) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  for (; blocks > 0; --blocks, x += kValues, y += 18) {
    const Block b = load(x);
    const __m256 largest = largest_of(b);
    // The first of those with the largest magnitude gives the scale's sign.
    uint32_t is_largest = 0;
    uint32_t is_negative = 0;
    for (int k = 0; k < 4; ++k) {
      const __m256 found = _mm256_cmp_ps(_mm256_andnot_ps(sign, b.v[k]), largest, _CMP_EQ_OQ);
      is_largest |= static_cast<uint32_t>(_mm256_movemask_ps(found)) << 8 * k;
      is_negative |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_and_ps(found, b.v[k]))) << 8 * k;
    }
    const uint32_t first = is_largest & (0 - is_largest);
    const bool is_positive = (first & is_negative) == 0 || _mm256_cvtss_f32(largest) == 0.0f;
    const __m256 scale = _mm256_div_ps(largest, _mm256_set1_ps(is_positive ? -8.0f : 8.0f));
    const __m256 reciprocal = reciprocal_of(scale);
    if (!is_ordinary(b, largest, reciprocal)) {
      scalar::quantize_gguf_q4_0(x, y, 1);
      continue;
    }
    const auto q = [&](int k) {
      return _mm256_cvttps_epi32(_mm256_add_ps(_mm256_mul_ps(b.v[k], reciprocal), _mm256_set1_ps(8.5f)));
    };
    const __m256i steps = _mm256_min_epu8(bytes_of(q(0), q(1), q(2), q(3)), _mm256_set1_epi8(15));
    const __m128i high = _mm_slli_epi16(_mm256_extracti128_si256(steps, 1), 4);
    store_scale(y, scale);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 2), _mm_or_si128(_mm256_castsi256_si128(steps), high));
  }
}

void avx2::dequantize_gguf_q8_0(const uint8_t* x, float* y, size_t blocks) {
  if (!is_streamed(y, blocks)) return dequantize_q8_0(x, y, blocks, Store{});
  dequantize_q8_0(x, y, blocks, Stream{});
  _mm_sfence();
}

void avx2::dequantize_gguf_q4_0(const uint8_t* x, float* y, size_t blocks) {
  if (!is_streamed(y, blocks)) return dequantize_q4_0(x, y, blocks, Store{});
  dequantize_q4_0(x, y, blocks, Stream{});
  _mm_sfence();
}

}  // namespace modelpress

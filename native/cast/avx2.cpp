#include <immintrin.h>

#include "kernels.h"

namespace modelpress {
namespace {

// From these many elements on, results go around the cache: measured with 32 MB of it; below, it costs.
constexpr size_t kNarrowStream = size_t{6} << 20;
constexpr size_t kWidenStream = size_t{6} << 20;

inline __m256i load(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }
inline __m128i load_half(const void* x) { return _mm_loadu_si128(static_cast<const __m128i*>(x)); }

struct Store {
  static constexpr bool streams = false;
  void operator()(void* y, __m256i v) const { _mm256_storeu_si256(static_cast<__m256i*>(y), v); }
};

struct Stream {
  static constexpr bool streams = true;
  void operator()(void* y, __m256i v) const { _mm256_stream_si256(static_cast<__m256i*>(y), v); }
};

// How many elements of y come before the first one that a vector can be stored to in one piece; 1 at least.
template <class T>
inline size_t until_aligned(const T* y) {
  return (sizeof(__m256i) - (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256i) - 1))) / sizeof(T);
}

// At least one vector of y. The first and the last overlap their neighbours, which write the same bytes.
// Convert makes a vector of y from where its elements lie in x.
template <class In, class Out, class Convert, class Put>
void convert_all(const In* x, Out* y, size_t n, const Convert& convert, const Put& put) {
  constexpr size_t step = sizeof(__m256i) / sizeof(Out);
  Store{}(y, convert(x));
  size_t i = until_aligned(y);
  for (; i + step <= n; i += step) put(y + i, convert(x + i));
  if (i < n) Store{}(y + n - step, convert(x + n - step));
  if (Put::streams) _mm_sfence();
}

template <class In, class Out, class Convert>
void convert_all(const In* x, Out* y, size_t n, size_t stream, const Convert& convert) {
  if (n >= stream && (reinterpret_cast<uintptr_t>(y) & (sizeof(Out) - 1)) == 0)
    convert_all(x, y, n, convert, Stream{});
  else
    convert_all(x, y, n, convert, Store{});
}

inline __m256i to_float16(const float* x) {
  constexpr int rounding = _MM_FROUND_TO_NEAREST_INT;
  return _mm256_set_m128i(_mm256_cvtps_ph(_mm256_loadu_ps(x + 8), rounding),
                          _mm256_cvtps_ph(_mm256_loadu_ps(x), rounding));
}

inline __m256i from_float16(const uint16_t* x) { return _mm256_castps_si256(_mm256_cvtph_ps(load_half(x))); }

// Bits all set where a value is a NaN; two vectors of 32 bits become one of 16, in the order of a pack.
inline __m256i nan_halves(__m256 a, __m256 b) {
  const __m256 nan_a = _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
  const __m256 nan_b = _mm256_cmp_ps(b, b, _CMP_UNORD_Q);
  return _mm256_packs_epi32(_mm256_castps_si256(nan_a), _mm256_castps_si256(nan_b));
}

// Rounds 16 values at once, in their halves: the upper one goes up where the lower one is beyond its middle,
// or at the middle and the upper one is odd. NaNs are rare enough for a branch.
inline __m256i to_bfloat16(const float* x) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i middle = _mm256_set1_epi16(static_cast<int16_t>(0x8000));
  const __m256i a = load(x);
  const __m256i b = load(x + 8);
  const __m256i upper = _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16));
  const __m256i lower =
      _mm256_packus_epi32(_mm256_blend_epi16(a, zero, 0xaa), _mm256_blend_epi16(b, zero, 0xaa));
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi16(1));
  // Compared without a sign, which only the flip of the highest bit allows.
  const __m256i up = _mm256_cmpgt_epi16(_mm256_xor_si256(_mm256_adds_epu16(lower, odd), middle), zero);
  __m256i rounded = _mm256_sub_epi16(upper, up);
  const __m256 values_a = _mm256_castsi256_ps(a);
  const __m256 values_b = _mm256_castsi256_ps(b);
  if (_mm256_movemask_ps(_mm256_cmp_ps(values_a, values_b, _CMP_UNORD_Q)) != 0)
    rounded = _mm256_blendv_epi8(rounded, _mm256_or_si256(upper, _mm256_set1_epi16(0x0040)),
                                 nan_halves(values_a, values_b));
  return _mm256_permute4x64_epi64(rounded, 0xd8);
}

inline __m256i from_bfloat16(const uint16_t* x) {
  const __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(x)), 16);
  const __m256 value = _mm256_castsi256_ps(bits);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  return _mm256_or_si256(bits, _mm256_and_si256(nan, _mm256_set1_epi32(0x00400000)));
}

constexpr size_t kPack = 64;  // values that make a vector of bytes

inline __m256i four_bits(const int8_t* x) {
  const __m256i v = _mm256_max_epi8(_mm256_min_epi8(load(x), _mm256_set1_epi8(7)), _mm256_set1_epi8(-8));
  return _mm256_and_si256(v, _mm256_set1_epi8(15));
}
inline __m256i four_bits(const uint8_t* x) { return _mm256_min_epu8(load(x), _mm256_set1_epi8(15)); }

template <class T>
void pack_all(const T* x, uint8_t* y, size_t n) {
  const __m256i weights = _mm256_set1_epi16(0x1001);  // the second of a pair counts 16 times
  for (size_t i = 0; i + kPack <= n; i += kPack) {
    const __m256i a = _mm256_maddubs_epi16(four_bits(x + i), weights);
    const __m256i b = _mm256_maddubs_epi16(four_bits(x + i + 32), weights);
    Store{}(y + i / 2, _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8));
  }
}

inline __m256i wide(__m256i nibbles, int8_t) {
  const __m256i sign = _mm256_set1_epi8(8);
  return _mm256_sub_epi8(_mm256_xor_si256(nibbles, sign), sign);
}
inline __m256i wide(__m256i nibbles, uint8_t) { return nibbles; }

template <class T>
void unpack_all(const uint8_t* x, T* y, size_t n) {
  const __m256i mask = _mm256_set1_epi8(15);
  for (size_t i = 0; i + kPack <= n; i += kPack) {
    const __m256i bytes = load(x + i / 2);
    const __m256i even = _mm256_and_si256(bytes, mask);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
    const __m256i a = _mm256_unpacklo_epi8(even, odd);
    const __m256i b = _mm256_unpackhi_epi8(even, odd);
    Store{}(y + i, wide(_mm256_permute2x128_si256(a, b, 0x20), T{}));
    Store{}(y + i + 32, wide(_mm256_permute2x128_si256(a, b, 0x31), T{}));
  }
}

}  // namespace

void avx2::float32_to_float16(const float* x, uint16_t* y, size_t n) {
  if (n < 16) return scalar::float32_to_float16(x, y, n);
  convert_all(x, y, n, kNarrowStream, to_float16);
}

void avx2::float16_to_float32(const uint16_t* x, float* y, size_t n) {
  if (n < 8) return scalar::float16_to_float32(x, y, n);
  convert_all(x, y, n, kWidenStream, from_float16);
}

void avx2::float32_to_bfloat16(const float* x, uint16_t* y, size_t n) {
  if (n < 16) return scalar::float32_to_bfloat16(x, y, n);
  convert_all(x, y, n, kNarrowStream, to_bfloat16);
}

void avx2::bfloat16_to_float32(const uint16_t* x, float* y, size_t n) {
  if (n < 8) return scalar::bfloat16_to_float32(x, y, n);
  convert_all(x, y, n, kWidenStream, from_bfloat16);
}

void avx2::pack_s4(const int8_t* x, uint8_t* y, size_t n) {
  pack_all(x, y, n);
  const size_t done = n / kPack * kPack;
  scalar::pack_s4(x + done, y + done / 2, n - done);
}

void avx2::pack_u4(const uint8_t* x, uint8_t* y, size_t n) {
  pack_all(x, y, n);
  const size_t done = n / kPack * kPack;
  scalar::pack_u4(x + done, y + done / 2, n - done);
}

void avx2::unpack_s4(const uint8_t* x, int8_t* y, size_t n) {
  unpack_all(x, y, n);
  const size_t done = n / kPack * kPack;
  scalar::unpack_s4(x + done / 2, y + done, n - done);
}

void avx2::unpack_u4(const uint8_t* x, uint8_t* y, size_t n) {
  unpack_all(x, y, n);
  const size_t done = n / kPack * kPack;
  scalar::unpack_u4(x + done / 2, y + done, n - done);
}

}  // namespace modelpress

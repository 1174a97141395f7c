#include <immintrin.h>

#include "../ahead.h"
#include "../kernels.h"

namespace modelpress {
namespace {

// From these many elements on, results go around the cache: they would push each other out of it before
// anyone reads them, and a line that is not cached need not be read before it is written. Measured with 32 MB
// of cache; below, it costs.
constexpr size_t kStream = size_t{4} << 20;

template <class Q>
constexpr size_t kBlock = sizeof(__m256i) / sizeof(Q);
template <class Q>
constexpr size_t kGroups = kBlock<Q> / 8;

// Beyond these the arithmetic with a reciprocal may overflow, or lose bits to an underflow.
constexpr float kReciprocalMin = 0x1p-64f;
constexpr float kReciprocalMax = 0x1p64f;

// In steps: beyond the range of every zero point. Powers of two, so that a product with a scale is exact.
template <class Q>
constexpr float kFar = sizeof(Q) == 1 ? 0x1p10f : 0x1p17f;

// Bytes need a limit above only: the conversion to integers gives the smallest one for a NaN and for what
// lies too far below, and every sum that follows saturates. 16 bits are summed in 32, which would wrap. min
// and max return their second operand for a NaN.
template <class Q>
inline __m256 limited(__m256 v, __m256 limit) {
  v = _mm256_min_ps(limit, v);
  if (sizeof(Q) == 1) return v;
  return _mm256_max_ps(v, _mm256_xor_ps(limit, _mm256_set1_ps(-0.0f)));
}

template <class Q>
struct Division {
  __m256 scale;

  __m256i operator()(const float* x) const {
    const __m256 q = _mm256_div_ps(_mm256_loadu_ps(x), scale);
    return _mm256_cvtps_epi32(limited<Q>(q, _mm256_set1_ps(kFar<Q>)));
  }
};

// What a multiplication needs in place of a division by a scale in [kReciprocalMin, kReciprocalMax].
struct Divisor {
  __m256 a, b;
};

inline __m256d inverse(__m128 scale) { return _mm256_div_pd(_mm256_set1_pd(1.0), _mm256_cvtps_pd(scale)); }
inline __m128 remainder(__m256d exact, __m128 rounded) {
  return _mm256_cvtpd_ps(_mm256_sub_pd(exact, _mm256_cvtps_pd(rounded)));
}

// For bytes the reciprocal as a sum of two floats. Their product with x is not always the rounded quotient,
// but both round to the same integer. They could only differ next to the midpoint of two floats, and it would
// only matter where one of these is a tie: compared for all such pairs of x and scale, up to the tie 255.5.
template <class Q>
inline Divisor divisor(__m256 scale) {
  const __m256 reciprocal = _mm256_div_ps(_mm256_set1_ps(1.0f), scale);
  if (sizeof(Q) > 1) return {scale, reciprocal};
  const __m256d low = inverse(_mm256_castps256_ps128(scale));
  const __m256d high = inverse(_mm256_extractf128_ps(scale, 1));
  return {reciprocal, _mm256_set_m128(remainder(high, _mm256_extractf128_ps(reciprocal, 1)),
                                      remainder(low, _mm256_castps256_ps128(reciprocal)))};
}

// For 16 bits x times the reciprocal and one correction (Markstein, IBM Journal of Research and Development
// 34, 1990): the rounded quotient itself, compared in the same way up to the tie 131071.5.
template <class Q>
struct Multiplication {
  Divisor by;
  __m256 limit;

  __m256i operator()(const float* x) const {
    const __m256 v = limited<Q>(_mm256_loadu_ps(x), limit);
    if (sizeof(Q) == 1) return _mm256_cvtps_epi32(_mm256_fmadd_ps(v, by.a, _mm256_mul_ps(v, by.b)));
    const __m256 q = _mm256_mul_ps(v, by.b);
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_fnmadd_ps(q, by.a, v), by.b, q));
  }
};

inline __m256i load(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }

// The zero points of a block in the width that they are added in, in the order of the packed sums.
template <class Q>
struct ZeroPoints {
  __m256i a, b;

  explicit ZeroPoints(int32_t all)
      : a(sizeof(Q) == 1 ? _mm256_set1_epi16(static_cast<int16_t>(all)) : _mm256_set1_epi32(all)), b(a) {}

  explicit ZeroPoints(const int32_t* each) : a(load(each)), b(load(each + 8)) {
    if (sizeof(Q) == 2) return;
    a = _mm256_packs_epi32(a, b);
    b = _mm256_packs_epi32(load(each + 16), load(each + 24));
  }
};

// From steps to y; the saturation of sums and packs is that of the operation. The permutations undo what
// packs do within 128 bits.
template <class Steps>
inline __m256i sums(const Steps& steps, size_t group, __m256i zero_points) {
  return _mm256_adds_epi16(_mm256_packs_epi32(steps(group), steps(group + 1)), zero_points);
}
inline __m256i bytes_in_order(__m256i q) {
  return _mm256_permutevar8x32_epi32(q, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
template <class Steps>
inline __m256i quantize_block(const Steps& steps, const ZeroPoints<int8_t>& zp) {
  return bytes_in_order(_mm256_packs_epi16(sums(steps, 0, zp.a), sums(steps, 2, zp.b)));
}
template <class Steps>
inline __m256i quantize_block(const Steps& steps, const ZeroPoints<uint8_t>& zp) {
  return bytes_in_order(_mm256_packus_epi16(sums(steps, 0, zp.a), sums(steps, 2, zp.b)));
}
template <class Steps>
inline __m256i quantize_block(const Steps& steps, const ZeroPoints<int16_t>& zp) {
  const __m256i a = _mm256_add_epi32(steps(0), zp.a);
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, _mm256_add_epi32(steps(1), zp.b)), 0xd8);
}
template <class Steps>
inline __m256i quantize_block(const Steps& steps, const ZeroPoints<uint16_t>& zp) {
  const __m256i a = _mm256_add_epi32(steps(0), zp.a);
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(a, _mm256_add_epi32(steps(1), zp.b)), 0xd8);
}

inline void store(void* y, __m256i q) { _mm256_storeu_si256(static_cast<__m256i*>(y), q); }
inline void stream(void* y, __m256i q) { _mm256_stream_si256(static_cast<__m256i*>(y), q); }

template <class T>
inline bool aligned(const T* y, size_t bytes) {
  return (reinterpret_cast<uintptr_t>(y) & (bytes - 1)) == 0;
}

// How many elements of y come before the first one that a vector can be stored to in one piece; 1 at least.
template <class Q>
inline size_t until_aligned(const Q* y) {
  return (sizeof(__m256i) - (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256i) - 1))) / sizeof(Q);
}

// Long rows are worked on in these many places in turn, a cache line of y at a time: 1.1 times as fast,
// measured.
constexpr size_t kPlaces = 4;
constexpr size_t kLongRow = size_t{1} << 20;

// Writes around the cache from the i-th element on, which is aligned; returns the first one that is left.
template <class Q, class Block>
size_t stream_places(Q* y, size_t i, size_t n, const Block& block) {
  constexpr size_t line = 2 * kBlock<Q>;
  if (!aligned(y + i, 2 * sizeof(__m256i))) {
    stream(y + i, block(i));
    i += kBlock<Q>;
  }
  const size_t place = (n - i) / kPlaces / line * line;
  for (const size_t end = i + place; i < end; i += line)
    for (size_t at = i; at < i + kPlaces * place; at += place) {
      stream(y + at, block(at));
      stream(y + at + kBlock<Q>, block(at + kBlock<Q>));
    }
  return i + (kPlaces - 1) * place;
}

// At least a block. The first and the last overlap their neighbours, which write the same bytes.
template <class Q, class Quotient>
void quantize_row(const float* x, Q* y, size_t n, const Quotient& quotient, const ZeroPoints<Q>& zp,
                  bool around) {
  const auto block = [&](size_t i) {
    return quantize_block([&](size_t group) { return quotient(x + i + 8 * group); }, zp);
  };
  constexpr size_t step = kBlock<Q>;
  store(y, block(0));
  size_t i = until_aligned(y);
  if (around) {
    if (n >= kLongRow) i = stream_places(y, i, n, block);
    for (; i + step <= n; i += step) stream(y + i, block(i));
  } else {
    for (; i + step <= n; i += step) store(y + i, block(i));
  }
  if (i < n) store(y + n - step, block(n - step));
}

template <class Q>
void quantize_rows(const float* x, Q* y, size_t rows, size_t n, const float* scales,
                   const int32_t* zero_points) {
  const bool around = rows * n >= kStream && aligned(y, sizeof(Q));
  for (size_t row = 0; row < rows; ++row, x += n, y += n) {
    const __m256 scale = _mm256_set1_ps(scales[row]);
    const ZeroPoints<Q> zp(zero_points[row]);
    if (scales[row] >= kReciprocalMin && scales[row] <= kReciprocalMax) {
      const __m256 limit = _mm256_mul_ps(scale, _mm256_set1_ps(kFar<Q>));
      quantize_row(x, y, n, Multiplication<Q>{divisor<Q>(scale), limit}, zp, around);
    } else {
      quantize_row(x, y, n, Division<Q>{scale}, zp, around);
    }
  }
  if (around) _mm_sfence();
}

// Rows in one go, for parameters that are loaded once serve all of them.
constexpr size_t kRows = 8;
// Lanes in one go, for divisions that are done once serve all rows.
constexpr size_t kTile = 4096;

// quotients(i) is what divides the eight lanes from i on.
template <size_t rows, class Q, class Quotients>
inline void quantize_lane_block(const float* x, Q* y, size_t stride, size_t i, const Quotients& quotients,
                                const int32_t* zero_points, bool around, Ahead<float>& ahead) {
  const ZeroPoints<Q> zp(zero_points + i);
  decltype(quotients(0)) each[kGroups<Q>];
  for (size_t group = 0; group < kGroups<Q>; ++group) each[group] = quotients(i + 8 * group);
  x += i;
  y += i;
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    ahead.fetch(kBlock<Q>);
    const __m256i q = quantize_block([&](size_t group) { return each[group](x + 8 * group); }, zp);
    if (around)
      stream(y, q);
    else
      store(y, q);
  }
}

template <size_t rows, class Q, class Quotients>
inline void quantize_tile_rows(const float* x, Q* y, size_t stride, size_t n, const Quotients& quotients,
                               const int32_t* zero_points, bool around) {
  Ahead<float> ahead(x + rows * stride, stride, n);
  const auto block = [&](size_t i, bool whole) {
    quantize_lane_block<rows>(x, y, stride, i, quotients, zero_points, whole, ahead);
  };
  block(0, false);
  size_t i = until_aligned(y);
  for (; i + kBlock<Q> <= n; i += kBlock<Q>) block(i, around);
  if (i < n) block(n - kBlock<Q>, false);
}

template <class Q, class Quotients>
void quantize_tile(const float* x, Q* y, size_t rows, size_t stride, size_t n, const Quotients& quotients,
                   const int32_t* zero_points, bool around) {
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    quantize_tile_rows<kRows>(x, y, stride, n, quotients, zero_points, around);
  for (; rows > 0; --rows, x += stride, y += stride)
    quantize_tile_rows<1>(x, y, stride, n, quotients, zero_points, around);
}

// The divisors of a tile, made once for all rows, and one limit for all: where no scale is more than kSpread
// times another, that is far for each, and no product with it overflows.
constexpr float kSpread = 0x1p13f;

template <class Q>
struct Divisors {
  float a[kTile], b[kTile];
  __m256 limit;

  // False where the scales are not what multiplication is for.
  bool make(const float* scales, size_t n) {
    __m256 lowest = _mm256_loadu_ps(scales);
    __m256 highest = lowest;
    for (size_t i = 0; i < n; i += 8) {
      const size_t at = i + 8 <= n ? i : n - 8;
      const __m256 scale = _mm256_loadu_ps(scales + at);
      lowest = _mm256_min_ps(lowest, scale);
      highest = _mm256_max_ps(highest, scale);
      const Divisor by = divisor<Q>(scale);
      _mm256_storeu_ps(a + at, by.a);
      _mm256_storeu_ps(b + at, by.b);
    }
    const float smallest = reduced(lowest, [](__m128 v, __m128 w) { return _mm_min_ps(v, w); });
    const float largest = reduced(highest, [](__m128 v, __m128 w) { return _mm_max_ps(v, w); });
    limit = _mm256_set1_ps(largest * kFar<Q>);
    return smallest >= kReciprocalMin && largest <= kReciprocalMax && largest <= smallest * kSpread;
  }

  template <class Fold>
  static float reduced(__m256 v, const Fold& fold) {
    __m128 w = fold(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    w = fold(w, _mm_movehl_ps(w, w));
    return _mm_cvtss_f32(fold(w, _mm_movehdup_ps(w)));
  }
};

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  const bool around =
      rows * n >= kStream && aligned(y, sizeof(Q)) && stride * sizeof(Q) % sizeof(__m256i) == 0;
  Divisors<Q> divisors;
  for (size_t first = 0; first < n; first += kTile) {
    // The last tile has a block at least, by what it shares with the one before.
    const size_t i = n - first < kBlock<Q> ? n - kBlock<Q> : first;
    const size_t count = n - i < kTile ? n - i : kTile;
    const float* const s = scales + i;
    // Of few rows the divisions cost less than the divisors.
    if (rows >= kRows && divisors.make(s, count)) {
      const auto quotients = [&](size_t at) {
        const Divisor by = {_mm256_loadu_ps(divisors.a + at), _mm256_loadu_ps(divisors.b + at)};
        return Multiplication<Q>{by, divisors.limit};
      };
      quantize_tile(x + i, y + i, rows, stride, count, quotients, zero_points + i, around && i == first);
    } else {
      const auto quotients = [&](size_t at) { return Division<Q>{_mm256_loadu_ps(s + at)}; };
      quantize_tile(x + i, y + i, rows, stride, count, quotients, zero_points + i, around && i == first);
    }
  }
  if (around) _mm_sfence();
}

}  // namespace

void avx2::quantize_linear_s8(const float* x, int8_t* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points) {
  if (n < kBlock<int8_t>) return scalar::quantize_linear_s8(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::quantize_linear_u8(const float* x, uint8_t* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points) {
  if (n < kBlock<uint8_t>) return scalar::quantize_linear_u8(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::quantize_linear_s16(const float* x, int16_t* y, size_t rows, size_t n, const float* scales,
                               const int32_t* zero_points) {
  if (n < kBlock<int16_t>) return scalar::quantize_linear_s16(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::quantize_linear_u16(const float* x, uint16_t* y, size_t rows, size_t n, const float* scales,
                               const int32_t* zero_points) {
  if (n < kBlock<uint16_t>) return scalar::quantize_linear_u16(x, y, rows, n, scales, zero_points);
  quantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock<int8_t>) return scalar::quantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock<uint8_t>)
    return scalar::quantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_s16(const float* x, int16_t* y, size_t rows, size_t stride, size_t n,
                                     const float* scales, const int32_t* zero_points) {
  if (n < kBlock<int16_t>)
    return scalar::quantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_u16(const float* x, uint16_t* y, size_t rows, size_t stride, size_t n,
                                     const float* scales, const int32_t* zero_points) {
  if (n < kBlock<uint16_t>)
    return scalar::quantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

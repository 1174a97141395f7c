#include <immintrin.h>

#include "../ahead.h"
#include "../places.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;
constexpr size_t kBlock = 4 * kStep;  // four chains of comparisons hide their latency

// From these many elements on, several places are read in turn, two blocks of each: memory then gives a fifth
// more, measured. In cache it does not matter.
constexpr size_t kLong = size_t{4} << 20;
constexpr size_t kTurn = 2 * kBlock;

// How many elements come before the first vector that lies in one cache line; a vector at most.
inline size_t until_aligned(const float* x) {
  return (sizeof(__m256) - (reinterpret_cast<uintptr_t>(x) & (sizeof(__m256) - 1))) / sizeof(float);
}

inline __m256 nan_where(__m256 a, __m256 b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }

inline float smallest(__m256 v) {
  __m128 m = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_min_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_min_ss(m, _mm_movehdup_ps(m)));
}

inline float largest(__m256 v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

constexpr size_t kPair = 2 * kStep;
constexpr size_t kRun = size_t{1} << 24;

inline uint64_t sum(__m256i counts) {
  alignas(32) uint32_t lanes[kStep];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), counts);
  uint64_t total = 0;
  for (size_t lane = 0; lane < kStep; ++lane) total += lanes[lane];
  return total;
}

// min and max return their second operand for a NaN, so the running values never take one in: nan remembers
// it.
struct Range {
  __m256 lo[4], hi[4], nan[2];

  void fold(const float* x) {
    __m256 v[4];
    for (int k = 0; k < 4; ++k) {
      v[k] = _mm256_loadu_ps(x + k * kStep);
      lo[k] = _mm256_min_ps(v[k], lo[k]);
      hi[k] = _mm256_max_ps(v[k], hi[k]);
    }
    nan[0] = _mm256_or_ps(nan[0], nan_where(v[0], v[1]));
    nan[1] = _mm256_or_ps(nan[1], nan_where(v[2], v[3]));
  }
};

// Rows in one go, for ranges that are loaded once serve all of them. An even number: one comparison looks for
// NaNs in two rows.
constexpr size_t kRows = 8;

template <size_t rows>
inline void fold_lane_step(const float* x, size_t stride, float* mins, float* maxs) {
  __m256 lo = _mm256_loadu_ps(mins);
  __m256 hi = _mm256_loadu_ps(maxs);
  __m256 nan = _mm256_setzero_ps();
  for (size_t row = 0; row < rows; row += 2) {
    const __m256 a = _mm256_loadu_ps(x + row * stride);
    const __m256 b = rows == 1 ? a : _mm256_loadu_ps(x + (row + 1) * stride);
    lo = _mm256_min_ps(b, _mm256_min_ps(a, lo));
    hi = _mm256_max_ps(b, _mm256_max_ps(a, hi));
    nan = _mm256_or_ps(nan, nan_where(a, b));
  }
  _mm256_storeu_ps(mins, _mm256_or_ps(lo, nan));  // all bits set is a NaN itself
  _mm256_storeu_ps(maxs, _mm256_or_ps(hi, nan));
}

// At least kStep elements. The first and the last step overlap their neighbours, which changes nothing.
template <size_t rows, bool paced>
void fold_rows(const float* x, size_t stride, size_t n, float* mins, float* maxs) {
  Ahead<float, paced> ahead(x + rows * stride, stride, n);
  const auto step = [&](size_t i) {
    ahead.fetch(rows * kStep);
    fold_lane_step<rows>(x + i, stride, mins + i, maxs + i);
  };
  step(0);
  size_t i = until_aligned(x);
  for (; i + kStep <= n; i += kStep) step(i);
  if (i < n) step(n - kStep);
}

}  // namespace

void avx2::min_max_f32(const float* x, size_t n, float* min, float* max) {
  if (n < kBlock) return scalar::min_max_f32(x, n, min, max);
  Range range;
  for (int k = 0; k < 4; ++k) {
    range.lo[k] = _mm256_loadu_ps(x);
    range.hi[k] = range.lo[k];
  }
  range.nan[0] = nan_where(range.lo[0], range.lo[0]);
  range.nan[1] = range.nan[0];
  size_t i = until_aligned(x);
  if (n >= kLong) {
    const size_t place = place_of<float>(n - i);
    for (const size_t end = i + place; i < end; i += kTurn)
      for (size_t at = i; at < i + kPlaces * place; at += place)
        for (size_t k = 0; k < kTurn; k += kBlock) range.fold(x + at + k);
    i += (kPlaces - 1) * place;
  }
  for (; i + kBlock <= n; i += kBlock) range.fold(x + i);
  if (i < n) range.fold(x + n - kBlock);  // some elements twice, which changes nothing

  const float found[] = {smallest(_mm256_min_ps(_mm256_min_ps(range.lo[0], range.lo[1]),
                                                _mm256_min_ps(range.lo[2], range.lo[3]))),
                         largest(_mm256_max_ps(_mm256_max_ps(range.hi[0], range.hi[1]),
                                               _mm256_max_ps(range.hi[2], range.hi[3])))};
  scalar::min_max_f32(found, 2, min, max);
  if (_mm256_movemask_ps(_mm256_or_ps(range.nan[0], range.nan[1])) != 0) {
    const float nan = _mm256_cvtss_f32(_mm256_castsi256_ps(_mm256_set1_epi32(-1)));
    *min = nan;
    *max = nan;
  }
}

void avx2::min_max_lanes_f32(const float* x, size_t rows, size_t stride, size_t n, float* mins, float* maxs) {
  if (n < kStep) return scalar::min_max_lanes_f32(x, rows, stride, n, mins, maxs);
  const bool paced = rows * n >= kPaced;
  for (; rows >= kRows; rows -= kRows, x += kRows * stride)
    if (paced)
      fold_rows<kRows, true>(x, stride, n, mins, maxs);
    else
      fold_rows<kRows, false>(x, stride, n, mins, maxs);
  for (; rows > 0; --rows, x += stride) fold_rows<1, false>(x, stride, n, mins, maxs);
}

void avx2::summarize_f32(const float* x, size_t n, float* min, float* max, uint64_t* zeros, uint64_t* nans) {
  const __m256 zero = _mm256_setzero_ps();
  __m256 lo[2] = {_mm256_set1_ps(*min), _mm256_set1_ps(*min)};
  __m256 hi[2] = {_mm256_set1_ps(*max), _mm256_set1_ps(*max)};
  size_t i = 0;
  while (i + kPair <= n) {
    // A true comparison is -1 in its lane, and 32 bits hold the sum of a run.
    __m256i zero_count = _mm256_setzero_si256();
    __m256i nan_count = _mm256_setzero_si256();
    const size_t end = n - i < kRun ? n : i + kRun;
    for (; i + kPair <= end; i += kPair)
      for (int k = 0; k < 2; ++k) {
        const __m256 v = _mm256_loadu_ps(x + i + k * kStep);
        lo[k] = _mm256_min_ps(v, lo[k]);
        hi[k] = _mm256_max_ps(v, hi[k]);
        zero_count = _mm256_sub_epi32(zero_count, _mm256_castps_si256(_mm256_cmp_ps(v, zero, _CMP_EQ_OQ)));
        nan_count = _mm256_sub_epi32(nan_count, _mm256_castps_si256(nan_where(v, v)));
      }
    *zeros += sum(zero_count);
    *nans += sum(nan_count);
  }
  *min = smallest(_mm256_min_ps(lo[0], lo[1]));
  *max = largest(_mm256_max_ps(hi[0], hi[1]));
  scalar::summarize_f32(x + i, n - i, min, max, zeros, nans);
}

}  // namespace modelpress

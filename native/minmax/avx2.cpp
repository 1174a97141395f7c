#include <immintrin.h>

#include "../kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;
constexpr size_t kBlock = 4 * kStep;  // four chains of comparisons hide their latency

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

inline void fold_lanes(const float* x, float* mins, float* maxs) {
  const __m256 v = _mm256_loadu_ps(x);
  const __m256 nan = nan_where(v, v);  // all bits set is a NaN itself
  _mm256_storeu_ps(mins, _mm256_or_ps(_mm256_min_ps(v, _mm256_loadu_ps(mins)), nan));
  _mm256_storeu_ps(maxs, _mm256_or_ps(_mm256_max_ps(v, _mm256_loadu_ps(maxs)), nan));
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
  size_t i = 0;
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

void avx2::min_max_lanes_f32(const float* x, size_t n, float* mins, float* maxs) {
  if (n < kStep) return scalar::min_max_lanes_f32(x, n, mins, maxs);
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) fold_lanes(x + i, mins + i, maxs + i);
  if (i < n) fold_lanes(x + n - kStep, mins + n - kStep, maxs + n - kStep);
}

}  // namespace modelpress

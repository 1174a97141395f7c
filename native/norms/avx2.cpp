#include <immintrin.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;

struct Magnitude {
  __m256d operator()(__m256d v) const { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), v); }
};
struct Square {
  __m256d operator()(__m256d v) const { return _mm256_mul_pd(v, v); }
};

inline __m256d load(const float* x) { return _mm256_cvtps_pd(_mm_loadu_ps(x)); }

// Those of four elements that come before the n-th, 0 for the others: adding that changes no sum.
inline __m256d load_before(const float* x, size_t at, size_t n) {
  if (at >= n) return _mm256_setzero_pd();
  const __m128i places = _mm_setr_epi32(0, 1, 2, 3);
  const __m128i mask = _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n - at)), places);
  return _mm256_cvtps_pd(_mm_maskload_ps(x + at, mask));
}

// The four vectors that are 16 sums.
struct Sums {
  __m256d of[4];

  double total() const {
    const __m256d four = _mm256_add_pd(_mm256_add_pd(of[0], of[2]), _mm256_add_pd(of[1], of[3]));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
};

template <class Term>
inline double run_sum(const float* x, size_t n, Term term) {
  Sums sums{};
  size_t i = 0;
  for (; i + kNormSums <= n; i += kNormSums)
    for (size_t k = 0; k < 4; ++k) sums.of[k] = _mm256_add_pd(sums.of[k], term(load(x + i + k * kStep)));
  if (i < n)
    for (size_t k = 0; k < 4; ++k)
      sums.of[k] = _mm256_add_pd(sums.of[k], term(load_before(x + i, k * kStep, n - i)));
  return sums.total();
}

// Runs of one element: a sum in each lane, and four rows while it is loaded.
template <class Term>
inline size_t add_lanes(const float* x, size_t rows, size_t stride, size_t n, double* sums, Term term) {
  const size_t end = n / kStep * kStep;
  for (size_t row = 0; row < rows; row += kStep) {
    const size_t count = rows - row < kStep ? rows - row : kStep;
    for (size_t i = 0; i < end; i += kStep) {
      __m256d sum = _mm256_loadu_pd(sums + i);
      for (size_t k = 0; k < count; ++k) sum = _mm256_add_pd(sum, term(load(x + (row + k) * stride + i)));
      _mm256_storeu_pd(sums + i, sum);
    }
  }
  return end;
}

template <class Term>
inline void norm_sums(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums,
                      Term term) {
  const size_t begin = run == 1 ? add_lanes(x, rows, stride, n, sums, term) : 0;
  if (begin == n) return;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = begin; i < n; ++i) sums[i] += run_sum(x + row * stride + i * run, run, term);
}

}  // namespace

void avx2::magnitude_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run,
                              double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Magnitude{});
}

void avx2::square_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Square{});
}

}  // namespace modelpress

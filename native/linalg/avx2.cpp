#include <immintrin.h>

#include "tiles.h"

namespace modelpress {
namespace {

struct Avx2Tiles {
  // left holds kHeight columns in float64, rows of right are n values apart. A fused multiply-add changes
  // nothing: the product is exact either way.
  static void add_tile(const double* left, const float* right, size_t n, size_t rows, double* g) {
    __m256d sums[kHeight][2];
    for (size_t k = 0; k < kHeight; ++k) {
      sums[k][0] = _mm256_loadu_pd(g + k * n);
      sums[k][1] = _mm256_loadu_pd(g + k * n + 4);
    }
    for (size_t r = 0; r < rows; ++r, right += n, left += kHeight) {
      const __m256d values[] = {_mm256_cvtps_pd(_mm_loadu_ps(right)),
                                _mm256_cvtps_pd(_mm_loadu_ps(right + 4))};
      for (size_t k = 0; k < kHeight; ++k) {
        const __m256d value = _mm256_broadcast_sd(left + k);
        sums[k][0] = _mm256_fmadd_pd(value, values[0], sums[k][0]);
        sums[k][1] = _mm256_fmadd_pd(value, values[1], sums[k][1]);
      }
    }
    for (size_t k = 0; k < kHeight; ++k) {
      _mm256_storeu_pd(g + k * n, sums[k][0]);
      _mm256_storeu_pd(g + k * n + 4, sums[k][1]);
    }
  }

  static void widen(const float* x, size_t n, size_t rows, double* left) {
    for (size_t r = 0; r < rows; ++r)
      _mm256_storeu_pd(left + r * kHeight, _mm256_cvtps_pd(_mm_loadu_ps(x + r * n)));
  }

  static void subtract_tile(double* a, size_t n, size_t first, size_t last, size_t k, size_t j) {
    __m256d values[kHeight][2];
    for (size_t row = 0; row < kHeight; ++row) {
      values[row][0] = _mm256_loadu_pd(a + (k + row) * n + j);
      values[row][1] = _mm256_loadu_pd(a + (k + row) * n + j + 4);
    }
    for (size_t i = last; i-- > first;) {
      const __m256d low = _mm256_loadu_pd(a + i * n + j);
      const __m256d high = _mm256_loadu_pd(a + i * n + j + 4);
      for (size_t row = 0; row < kHeight; ++row) {
        const __m256d factor = _mm256_broadcast_sd(a + i * n + k + row);
        values[row][0] = _mm256_sub_pd(values[row][0], _mm256_mul_pd(factor, low));
        values[row][1] = _mm256_sub_pd(values[row][1], _mm256_mul_pd(factor, high));
      }
    }
    for (size_t row = 0; row < kHeight; ++row) {
      _mm256_storeu_pd(a + (k + row) * n + j, values[row][0]);
      _mm256_storeu_pd(a + (k + row) * n + j + 4, values[row][1]);
    }
  }

  static void sum_shifts(const double* m, size_t count, const double* errors, double* shifts) {
    constexpr size_t kVectors = kRoundingLanes / 4;
    __m256d sums[kVectors];
    for (size_t v = 0; v < kVectors; ++v) sums[v] = _mm256_setzero_pd();
    for (size_t j = 0; j < count; ++j, errors += kRoundingLanes) {
      const __m256d factor = _mm256_broadcast_sd(m + j);
      for (size_t v = 0; v < kVectors; ++v)
        sums[v] = _mm256_add_pd(sums[v], _mm256_mul_pd(factor, _mm256_loadu_pd(errors + 4 * v)));
    }
    for (size_t v = 0; v < kVectors; ++v) _mm256_storeu_pd(shifts + 4 * v, sums[v]);
  }
};

using Algebra = LinearAlgebra<Avx2Tiles>;

}  // namespace

void avx2::accumulate_gram_f32(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  Algebra::accumulate_gram(x, rows, n, begin, end, g);
}

void avx2::accumulate_products_f32(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                   size_t begin, size_t end, double* p) {
  Algebra::accumulate_products(x, y, rows, n, outputs, begin, end, p);
}

void avx2::subtract_rows_f64(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end) {
  Algebra::subtract_rows(a, n, first, last, begin, end);
}

void avx2::compensate_rounding_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                   const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                   double* errors) {
  Algebra::compensate_rounding(w, n, m, order, grid, begin, end, steps, errors);
}

void avx2::fit_kept_f64(const double* gram, const double* products, const uint8_t* kept, size_t n,
                        size_t begin, size_t end, float* w, double* scratch) {
  fit_rows(Algebra::subtract_rows, gram, products, kept, n, begin, end, w, scratch);
}

void avx2::compensate_pruning_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                  const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                                  float* pruned, float* costs, double* errors) {
  Algebra::compensate_pruning(w, n, m, order, rule, begin, end, kept, pruned, costs, errors);
}

}  // namespace modelpress

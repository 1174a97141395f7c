#include <arm_neon.h>

#include "tiles.h"

namespace modelpress {
namespace {

struct NeonTiles {
  // left holds kHeight columns in float64, rows of right are n values apart. A fused multiply-add changes
  // nothing: the product is exact either way.
  static void add_tile(const double* left, const float* right, size_t n, size_t rows, double* g) {
    float64x2_t sums[kHeight][4];
    for (size_t k = 0; k < kHeight; ++k)
      for (size_t c = 0; c < 4; ++c) sums[k][c] = vld1q_f64(g + k * n + 2 * c);
    for (size_t r = 0; r < rows; ++r, right += n, left += kHeight) {
      const float32x4_t low = vld1q_f32(right);
      const float32x4_t high = vld1q_f32(right + 4);
      const float64x2_t values[] = {vcvt_f64_f32(vget_low_f32(low)), vcvt_high_f64_f32(low),
                                    vcvt_f64_f32(vget_low_f32(high)), vcvt_high_f64_f32(high)};
      for (size_t k = 0; k < kHeight; ++k)
        for (size_t c = 0; c < 4; ++c) sums[k][c] = vfmaq_n_f64(sums[k][c], values[c], left[k]);
    }
    for (size_t k = 0; k < kHeight; ++k)
      for (size_t c = 0; c < 4; ++c) vst1q_f64(g + k * n + 2 * c, sums[k][c]);
  }

  static void widen(const float* x, size_t n, size_t rows, double* left) {
    for (size_t r = 0; r < rows; ++r)
      for (size_t k = 0; k < kHeight; ++k) left[r * kHeight + k] = x[r * n + k];
  }

  // Nothing is fused here: these products are not exact.
  static void subtract_tile(double* a, size_t n, size_t first, size_t last, size_t k, size_t j) {
    float64x2_t values[kHeight][4];
    for (size_t row = 0; row < kHeight; ++row)
      for (size_t c = 0; c < 4; ++c) values[row][c] = vld1q_f64(a + (k + row) * n + j + 2 * c);
    for (size_t i = last; i-- > first;)
      for (size_t c = 0; c < 4; ++c) {
        const float64x2_t right = vld1q_f64(a + i * n + j + 2 * c);
        for (size_t row = 0; row < kHeight; ++row)
          values[row][c] = vsubq_f64(values[row][c], vmulq_n_f64(right, a[i * n + k + row]));
      }
    for (size_t row = 0; row < kHeight; ++row)
      for (size_t c = 0; c < 4; ++c) vst1q_f64(a + (k + row) * n + j + 2 * c, values[row][c]);
  }

  static void sum_shifts(const double* m, size_t count, const double* errors, double* shifts) {
    constexpr size_t kVectors = kRoundingLanes / 2;
    float64x2_t sums[kVectors];
    for (size_t v = 0; v < kVectors; ++v) sums[v] = vdupq_n_f64(0);
    for (size_t j = 0; j < count; ++j, errors += kRoundingLanes)
      for (size_t v = 0; v < kVectors; ++v)
        sums[v] = vaddq_f64(sums[v], vmulq_n_f64(vld1q_f64(errors + 2 * v), m[j]));
    for (size_t v = 0; v < kVectors; ++v) vst1q_f64(shifts + 2 * v, sums[v]);
  }
};

using Algebra = LinearAlgebra<NeonTiles>;

}  // namespace

void neon::accumulate_gram_f32(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  Algebra::accumulate_gram(x, rows, n, begin, end, g);
}

void neon::accumulate_products_f32(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                   size_t begin, size_t end, double* p) {
  Algebra::accumulate_products(x, y, rows, n, outputs, begin, end, p);
}

void neon::subtract_rows_f64(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end) {
  Algebra::subtract_rows(a, n, first, last, begin, end);
}

void neon::compensate_rounding_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                   const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                   double* errors) {
  Algebra::compensate_rounding(w, n, m, order, grid, begin, end, steps, errors);
}

void neon::fit_kept_f64(const double* gram, const double* products, const uint8_t* kept, size_t n,
                        size_t begin, size_t end, float* w, double* scratch) {
  fit_rows(Algebra::subtract_rows, gram, products, kept, n, begin, end, w, scratch);
}

void neon::compensate_pruning_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                  const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                                  float* pruned, float* costs, double* errors) {
  Algebra::compensate_pruning(w, n, m, order, rule, begin, end, kept, pruned, costs, errors);
}

}  // namespace modelpress

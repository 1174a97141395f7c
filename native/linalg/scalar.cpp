#include <cmath>

#include "fit_kept.h"
#include "kernels.h"
#include "prune_groups.h"

namespace modelpress {
namespace {

// A sum with it has no fraction bits, so that it is rounded half to even; for values within 2^51 of 0.
constexpr double kRound = 0x1.8p52;

}  // namespace

void scalar::accumulate_gram_f32(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  for (size_t r = 0; r < rows; ++r, x += n)
    for (size_t i = begin; i < end; ++i) {
      const double left = x[i];
      for (size_t j = i; j < n; ++j) g[i * n + j] += left * static_cast<double>(x[j]);
    }
}

void scalar::accumulate_products_f32(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                     size_t begin, size_t end, double* p) {
  for (size_t r = 0; r < rows; ++r, x += n, y += outputs)
    for (size_t o = begin; o < end; ++o) {
      const double left = y[o];
      for (size_t i = 0; i < n; ++i) p[o * n + i] += left * static_cast<double>(x[i]);
    }
}

void scalar::factor_rows_f64(double* a, size_t n, size_t first, size_t last) {
  for (size_t i = last; i-- > first;) {
    double* row = a + i * n;
    row[i] = std::sqrt(row[i]);
    for (size_t j = 0; j < i; ++j) row[j] /= row[i];
    scalar::subtract_rows_f64(a, n, i, i + 1, first, i);
  }
}

void scalar::subtract_rows_f64(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end) {
  for (size_t k = begin; k < end; ++k)
    for (size_t i = last; i-- > first;) {
      const double factor = a[i * n + k];
      for (size_t j = 0; j <= k; ++j) a[k * n + j] -= factor * a[i * n + j];
    }
}

void scalar::compensate_rounding_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                     const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                     double* errors) {
  for (size_t output = begin; output < end; ++output)
    for (size_t i = 0; i < n; ++i) {
      double shift = 0;
      for (size_t j = 0; j < i; ++j) shift += m[i * n + j] * errors[j];
      const size_t column = static_cast<size_t>(order[i]);
      const size_t at = output * grid.blocks + column / grid.block;
      const double scale = grid.scales[at];
      const int32_t zero_point = grid.zero_points[at];
      const double lo = static_cast<double>(grid.lo) - zero_point;
      const double hi = static_cast<double>(grid.hi) - zero_point;
      const double weight = w[output * n + column];
      double step = weight == 0 ? 0 : (weight + shift / m[i * n + i]) / scale;
      step = step > lo ? step : lo;
      step = step < hi ? step : hi;
      step = step + kRound - kRound;
      steps[output * n + column] = static_cast<uint8_t>(static_cast<int64_t>(step) + zero_point);
      errors[i] = weight - step * scale;
    }
}

void scalar::fit_kept_f64(const double* gram, const double* products, const uint8_t* kept, size_t n,
                          size_t begin, size_t end, float* w, double* scratch) {
  fit_rows(subtract_rows_f64, gram, products, kept, n, begin, end, w, scratch);
}

void scalar::compensate_pruning_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                    const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                                    float* pruned, float* costs, double* errors) {
  const auto sum_shift = [](const double* row, size_t count, const double* before, double* shift) {
    double sum = 0;
    for (size_t j = 0; j < count; ++j) sum += row[j] * before[j];
    *shift = sum;
  };
  prune_lanes<1>(sum_shift, w, n, m, order, rule, begin, end, kept, pruned, costs, errors);
}

}  // namespace modelpress

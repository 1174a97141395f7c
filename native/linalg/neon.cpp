#include <arm_neon.h>

#include "fit_kept.h"
#include "kernels.h"
#include "prune_groups.h"

namespace modelpress {
namespace {

constexpr size_t kHeight = 4;
constexpr size_t kWidth = 8;
constexpr size_t kRows = 256;  // of x in one go: its values are read again for every tile

void add_cell(const float* left, size_t m, const float* right, size_t n, size_t rows, double* cell) {
  double sum = *cell;
  for (size_t r = 0; r < rows; ++r)
    sum += static_cast<double>(left[r * m]) * static_cast<double>(right[r * n]);
  *cell = sum;
}

// left holds kHeight columns in float64, rows of right are n values apart. A fused multiply-add changes
// nothing: the product is exact either way.
void add_tile(const double* left, const float* right, size_t n, size_t rows, double* g) {
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

// kHeight columns of x, whose rows are n values apart.
void widen(const float* x, size_t n, size_t rows, double* left) {
  for (size_t r = 0; r < rows; ++r)
    for (size_t k = 0; k < kHeight; ++k) left[r * kHeight + k] = x[r * n + k];
}

void add_rows(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  double left[kRows * kHeight];
  size_t i = begin;
  for (; i + kHeight <= end; i += kHeight) {
    widen(x + i, n, rows, left);
    size_t j = i + kHeight;
    for (; j + kWidth <= n; j += kWidth) add_tile(left, x + j, n, rows, g + i * n + j);
    for (size_t k = i; k < i + kHeight; ++k) {
      for (size_t c = k; c < i + kHeight; ++c) add_cell(x + k, n, x + c, n, rows, g + k * n + c);
      for (size_t c = j; c < n; ++c) add_cell(x + k, n, x + c, n, rows, g + k * n + c);
    }
  }
  for (; i < end; ++i)
    for (size_t j = i; j < n; ++j) add_cell(x + i, n, x + j, n, rows, g + i * n + j);
}

void add_products(const float* x, const float* y, size_t rows, size_t n, size_t outputs, size_t begin,
                  size_t end, double* p) {
  double left[kRows * kHeight];
  const size_t whole = n / kWidth * kWidth;
  size_t o = begin;
  for (; o + kHeight <= end; o += kHeight) {
    widen(y + o, outputs, rows, left);
    for (size_t i = 0; i < whole; i += kWidth) add_tile(left, x + i, n, rows, p + o * n + i);
    for (size_t k = o; k < o + kHeight; ++k)
      for (size_t i = whole; i < n; ++i) add_cell(y + k, outputs, x + i, n, rows, p + k * n + i);
  }
  for (; o < end; ++o)
    for (size_t i = 0; i < n; ++i) add_cell(y + o, outputs, x + i, n, rows, p + o * n + i);
}

// Nothing is fused here: these products are not exact.
void subtract_tile(double* a, size_t n, size_t first, size_t last, size_t k, size_t j) {
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

void sum_shifts(const double* m, size_t count, const double* errors, double* shifts) {
  constexpr size_t kVectors = kRoundingLanes / 2;
  float64x2_t sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) sums[v] = vdupq_n_f64(0);
  for (size_t j = 0; j < count; ++j, errors += kRoundingLanes)
    for (size_t v = 0; v < kVectors; ++v)
      sums[v] = vaddq_f64(sums[v], vmulq_n_f64(vld1q_f64(errors + 2 * v), m[j]));
  for (size_t v = 0; v < kVectors; ++v) vst1q_f64(shifts + 2 * v, sums[v]);
}

// A sum with it has no fraction bits, so that it is rounded half to even; for values within 2^51 of 0.
constexpr double kRound = 0x1.8p52;

// One column of kRoundingLanes outputs, whose shifts are in `errors`, where the errors go.
void round_column(const float* w, size_t n, double diagonal, size_t column, const RoundingGrid& grid,
                  size_t output, uint8_t* steps, double* errors) {
  const size_t block = column / grid.block;
  for (size_t lane = 0; lane < kRoundingLanes; ++lane, ++output) {
    const double scale = grid.scales[output * grid.blocks + block];
    const int32_t zero_point = grid.zero_points[output * grid.blocks + block];
    const double lo = static_cast<double>(grid.lo) - zero_point;
    const double hi = static_cast<double>(grid.hi) - zero_point;
    const double weight = w[output * n + column];
    double step = weight == 0 ? 0 : (weight + errors[lane] / diagonal) / scale;
    step = step > lo ? step : lo;
    step = step < hi ? step : hi;
    step = step + kRound - kRound;
    steps[output * n + column] = static_cast<uint8_t>(static_cast<int64_t>(step) + zero_point);
    errors[lane] = weight - step * scale;
  }
}

void subtract_cell(double* a, size_t n, size_t first, size_t last, size_t k, size_t j) {
  double value = a[k * n + j];
  for (size_t i = last; i-- > first;) value -= a[i * n + k] * a[i * n + j];
  a[k * n + j] = value;
}

}  // namespace

void neon::accumulate_gram_f32(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  for (; rows >= kRows; rows -= kRows, x += kRows * n) add_rows(x, kRows, n, begin, end, g);
  add_rows(x, rows, n, begin, end, g);
}

void neon::accumulate_products_f32(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                   size_t begin, size_t end, double* p) {
  for (; rows >= kRows; rows -= kRows, x += kRows * n, y += kRows * outputs)
    add_products(x, y, kRows, n, outputs, begin, end, p);
  add_products(x, y, rows, n, outputs, begin, end, p);
}

void neon::subtract_rows_f64(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end) {
  size_t k = begin;
  for (; k + kHeight <= end; k += kHeight) {
    size_t j = 0;
    for (; j + kWidth <= k + 1; j += kWidth) subtract_tile(a, n, first, last, k, j);
    for (size_t row = k; row < k + kHeight; ++row)
      for (size_t c = j; c <= row; ++c) subtract_cell(a, n, first, last, row, c);
  }
  scalar::subtract_rows_f64(a, n, first, last, k, end);
}

void neon::compensate_rounding_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                   const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                   double* errors) {
  size_t output = begin;
  for (; output + kRoundingLanes <= end; output += kRoundingLanes)
    for (size_t i = 0; i < n; ++i) {
      double* error = errors + i * kRoundingLanes;
      sum_shifts(m + i * n, i, errors, error);
      round_column(w, n, m[i * n + i], static_cast<size_t>(order[i]), grid, output, steps, error);
    }
  scalar::compensate_rounding_f32(w, n, m, order, grid, output, end, steps, errors);
}

void neon::fit_kept_f64(const double* gram, const double* products, const uint8_t* kept, size_t n,
                        size_t begin, size_t end, float* w, double* scratch) {
  fit_rows(subtract_rows_f64, gram, products, kept, n, begin, end, w, scratch);
}

void neon::compensate_pruning_f32(const float* w, size_t n, const double* m, const int32_t* order,
                                  const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                                  float* pruned, float* costs, double* errors) {
  const size_t whole = begin + (end - begin) / kRoundingLanes * kRoundingLanes;
  prune_lanes<kRoundingLanes>(sum_shifts, w, n, m, order, rule, begin, whole, kept, pruned, costs, errors);
  scalar::compensate_pruning_f32(w, n, m, order, rule, whole, end, kept, pruned, costs, errors);
}

}  // namespace modelpress

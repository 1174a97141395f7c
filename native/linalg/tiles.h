// The linear algebra that instruction sets share: they differ in what they do to a tile of kHeight by kWidth
// values, and in how they sum shifts, which is nearly all of the work. A Tiles class has
//   widen(x, n, rows, left): kHeight columns of x, whose rows are n values apart, in float64
//   add_tile(left, right, n, rows, g): to a tile of g the products of such columns with kWidth columns of
//   right subtract_tile(a, n, first, last, k, j): what SubtractRows does, to a tile of a at row k and column
//   j sum_shifts(m, count, errors, shifts): the sums of m[j] * errors[j] for kRoundingLanes outputs, from 0
#pragma once

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

template <class Tiles>
void add_rows(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
  double left[kRows * kHeight];
  size_t i = begin;
  for (; i + kHeight <= end; i += kHeight) {
    Tiles::widen(x + i, n, rows, left);
    size_t j = i + kHeight;
    for (; j + kWidth <= n; j += kWidth) Tiles::add_tile(left, x + j, n, rows, g + i * n + j);
    for (size_t k = i; k < i + kHeight; ++k) {
      for (size_t c = k; c < i + kHeight; ++c) add_cell(x + k, n, x + c, n, rows, g + k * n + c);
      for (size_t c = j; c < n; ++c) add_cell(x + k, n, x + c, n, rows, g + k * n + c);
    }
  }
  for (; i < end; ++i)
    for (size_t j = i; j < n; ++j) add_cell(x + i, n, x + j, n, rows, g + i * n + j);
}

template <class Tiles>
void add_products(const float* x, const float* y, size_t rows, size_t n, size_t outputs, size_t begin,
                  size_t end, double* p) {
  double left[kRows * kHeight];
  const size_t whole = n / kWidth * kWidth;
  size_t o = begin;
  for (; o + kHeight <= end; o += kHeight) {
    Tiles::widen(y + o, outputs, rows, left);
    for (size_t i = 0; i < whole; i += kWidth) Tiles::add_tile(left, x + i, n, rows, p + o * n + i);
    for (size_t k = o; k < o + kHeight; ++k)
      for (size_t i = whole; i < n; ++i) add_cell(y + k, outputs, x + i, n, rows, p + k * n + i);
  }
  for (; o < end; ++o)
    for (size_t i = 0; i < n; ++i) add_cell(y + o, outputs, x + i, n, rows, p + o * n + i);
}

void subtract_cell(double* a, size_t n, size_t first, size_t last, size_t k, size_t j) {
  double value = a[k * n + j];
  for (size_t i = last; i-- > first;) value -= a[i * n + k] * a[i * n + j];
  a[k * n + j] = value;
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

template <class Tiles>
struct LinearAlgebra {
  static void accumulate_gram(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g) {
    for (; rows >= kRows; rows -= kRows, x += kRows * n) add_rows<Tiles>(x, kRows, n, begin, end, g);
    add_rows<Tiles>(x, rows, n, begin, end, g);
  }

  static void accumulate_products(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                  size_t begin, size_t end, double* p) {
    for (; rows >= kRows; rows -= kRows, x += kRows * n, y += kRows * outputs)
      add_products<Tiles>(x, y, kRows, n, outputs, begin, end, p);
    add_products<Tiles>(x, y, rows, n, outputs, begin, end, p);
  }

  static void subtract_rows(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end) {
    size_t k = begin;
    for (; k + kHeight <= end; k += kHeight) {
      size_t j = 0;
      for (; j + kWidth <= k + 1; j += kWidth) Tiles::subtract_tile(a, n, first, last, k, j);
      for (size_t row = k; row < k + kHeight; ++row)
        for (size_t c = j; c <= row; ++c) subtract_cell(a, n, first, last, row, c);
    }
    scalar::subtract_rows_f64(a, n, first, last, k, end);
  }

  static void compensate_rounding(const float* w, size_t n, const double* m, const int32_t* order,
                                  const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                  double* errors) {
    size_t output = begin;
    for (; output + kRoundingLanes <= end; output += kRoundingLanes)
      for (size_t i = 0; i < n; ++i) {
        double* error = errors + i * kRoundingLanes;
        Tiles::sum_shifts(m + i * n, i, errors, error);
        round_column(w, n, m[i * n + i], static_cast<size_t>(order[i]), grid, output, steps, error);
      }
    scalar::compensate_rounding_f32(w, n, m, order, grid, output, end, steps, errors);
  }

  static void compensate_pruning(const float* w, size_t n, const double* m, const int32_t* order,
                                 const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                                 float* pruned, float* costs, double* errors) {
    const size_t whole = begin + (end - begin) / kRoundingLanes * kRoundingLanes;
    prune_lanes<kRoundingLanes>(Tiles::sum_shifts, w, n, m, order, rule, begin, whole, kept, pruned, costs,
                                errors);
    scalar::compensate_pruning_f32(w, n, m, order, rule, whole, end, kept, pruned, costs, errors);
  }
};

}  // namespace
}  // namespace modelpress

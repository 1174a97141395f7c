#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Rows [begin, end) of the upper triangle of g, n x n: g[i][j] += x[0][i] * x[0][j], then x[1][i] * x[1][j],
// and so on, for j from i on. Products of two float32 are exact in double, so that only the sums round. The
// payload of a NaN is left open: the binding settles it.
using AccumulateGram = void(const float* x, size_t rows, size_t n, size_t begin, size_t end, double* g);

// The two steps that turn the lower triangle of a, n x n and positive definite, into M with M^T M = a, begun
// at the last row. Every product, quotient and difference is rounded to double; for another a the result is
// left open. For row i = last - 1 down to first: a[i][i] = sqrt(a[i][i]), then a[i][j] /= a[i][i] for j < i,
// then a[k][j] -= a[i][k] * a[i][j] for the rows k in [first, i) and j <= k.
using FactorRows = void(double* a, size_t n, size_t first, size_t last);
// The same difference for the rows k in [begin, end) above first, and i = last - 1 down to first.
using SubtractRows = void(double* a, size_t n, size_t first, size_t last, size_t begin, size_t end);

// The steps that the weights of an output may take: lo to hi, and a scale and a zero point for every `block`
// columns, blocks of them per output.
struct RoundingGrid {
  const float* scales;
  const int32_t* zero_points;
  size_t block, blocks;
  int32_t lo, hi;
};
// Room for the errors of so many outputs is what a kernel of this kind asks for.
constexpr size_t kRoundingLanes = 16;

// Rounds rows [begin, end) of w, n values each. For i = 0 to n - 1, with the value w[c] of column c =
// order[i]:
//   shift = the sum of m[i][j] * error[j] for j = 0 to i - 1, begun with 0
//   steps[c] = round_half_even((w[c] + shift / m[i][i]) / scale) + zero point, in [lo, hi]
//   error[i] = w[c] - (steps[c] - zero point) * scale
// all in double, every operation rounded. A NaN becomes lo, and where w[c] is 0 the step is the zero point,
// so that what was pruned stays so. A step is stored as its lowest 8 bits.
using CompensateRounding = void(const float* w, size_t n, const double* m, const int32_t* order,
                                const RoundingGrid& grid, size_t begin, size_t end, uint8_t* steps,
                                double* errors);

// Adds to p, outputs x n, the products y[r][o] * x[r][i] for the outputs o in [begin, end), row r after row.
// x has n columns and y `outputs`. Every product is exact in double.
using AccumulateProducts = void(const float* x, const float* y, size_t rows, size_t n, size_t outputs,
                                size_t begin, size_t end, double* p);

// For the rows [begin, end) of w, n values each: the w with A w = b over the columns that are kept, and 0
// elsewhere. A is the symmetric matrix whose upper triangle gram holds, b the row of products. A = M^T M as
// by FactorRows over the kept columns in their order; then z with M^T z = b from the last to the first, where
// row i takes M[i][j] * z[i] from the b of the rows j < i, and w with M w = z from the first to the last,
// where w[i] = (z[i] - M[i][0] * w[0] - M[i][1] * w[1] - ...) / M[i][i]. A NaN in w is 0x7fc00000. scratch
// has room for m * (m + 1) values, where m is the largest number of columns that a row keeps.
using FitKept = void(const double* gram, const double* products, const uint8_t* kept, size_t n, size_t begin,
                     size_t end, float* w, double* scratch);

// Which weights of an output go: those that cost at most `threshold`, and all but the `keep` that cost most
// in every `of` columns that follow one another in the order; of equal costs the first go.
struct PruningRule {
  float threshold;
  size_t keep, of;
};

// Prunes rows [begin, end) of w, n values each, groups of `of` columns in the order given. In a group,
// first with errors as if all its columns stayed, then with those that they have, for i = 0 to n - 1 and
// column c = order[i]:
//   value = w[c] + shift / m[i][i], where shift = the sum of m[i][j] * error[j] for j = 0 to i - 1, from 0
//   costs[c] = float(value * m[i][i]) squared in float, at first
//   pruned[c] = float(value) where kept[c] is not 0, else 0; error[i] = w[c] - value or w[c]
// all in double, every operation rounded. Between the two, the rule makes more of kept 0. A NaN in costs and
// pruned is 0x7fc00000.
using CompensatePruning = void(const float* w, size_t n, const double* m, const int32_t* order,
                               const PruningRule& rule, size_t begin, size_t end, uint8_t* kept,
                               float* pruned, float* costs, double* errors);

namespace scalar {
FactorRows factor_rows_f64;
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace scalar
namespace avx2 {
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace avx2
namespace neon {
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace neon

}  // namespace modelpress

// The contract of every kernel. One line per operation says what it computes; scalar.cpp of its family is
// that line in code, and every other instruction set returns the same bits for every input, NaN, infinities,
// -0 and denormals included.
//
// Pointers may be unaligned, n may be 0, nothing throws, no byte outside [0, n) is touched, x and y do not
// overlap. In a *_lanes kernel every element has parameters of its own; per_axis.h builds the per-channel
// operations from them.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Folds x into [*min, *max]. A NaN anywhere makes both NaN, and they stay NaN. The sign of a zero and the
// payload of a NaN are left open: the binding settles them.
using MinMax = void(const float* x, size_t n, float* min, float* max);

// Folds element i of every row into [mins[i], maxs[i]], by the same rules.
using MinMaxLanes = void(const float* x, size_t rows, size_t stride, size_t n, float* mins, float* maxs);

// Folds the values that are not NaN into [*min, *max], and adds to *zeros how many are 0 and to *nans how
// many are NaN. The sign of a zero in the range is left open: the binding settles it.
template <class T>
using Summarize = void(const T* x, size_t n, T* min, T* max, uint64_t* zeros, uint64_t* nans);

// y[i] = saturate(round_half_even(x[i] / scale) + zero_point), as ONNX QuantizeLinear. NaN gives the smallest
// Q. Each of the rows of n elements has a scale and a zero point.
template <class Q>
using QuantizeLinear = void(const float* x, Q* y, size_t rows, size_t n, const float* scales,
                            const int32_t* zero_points);
template <class Q>
using QuantizeLinearLanes = void(const float* x, Q* y, size_t rows, size_t stride, size_t n,
                                 const float* scales, const int32_t* zero_points);

// y[i] = float(x[i] - zero_point) * scale, as ONNX DequantizeLinear; for int32 the zero point is 0.
template <class Q>
using DequantizeLinear = void(const Q* x, float* y, size_t rows, size_t n, const float* scales,
                              const int32_t* zero_points);
template <class Q>
using DequantizeLinearLanes = void(const Q* x, float* y, size_t rows, size_t stride, size_t n,
                                   const float* scales, const int32_t* zero_points);

// Rounds to nearest, ties to even; too large becomes infinite, subnormals stay. Either way a NaN keeps its
// sign and the upper bits of its payload and comes out quiet, as F16C makes it.
template <class In, class Out>
using Cast = void(const In* x, Out* y, size_t n);

// Two 4-bit values per byte, the first in the low half; the high half after an odd number of them is 0.
// Packing saturates to the four bits. n counts the values.
template <class Q>
using Pack4 = void(const Q* x, uint8_t* y, size_t n);
template <class Q>
using Unpack4 = void(const uint8_t* x, Q* y, size_t n);

// Blocks of 32 values as ggml stores them: a scale as a half, then the steps. Q8_0, 34 bytes: the scale is
// max |x| / 127, a step the nearest integer to x * (1 / scale), ties away from zero. Q4_0, 18 bytes: the
// scale is -1/8 of the first value with the largest magnitude (-0 if all are zero), a step trunc(x * (1 /
// scale) + 8.5), 15 at most; byte j holds value j in its low and value 16 + j in its high half. 1 / scale is
// 0 for a scale of 0 and comes from the scale before that is rounded to half. A NaN in a block makes its
// scale the half 0x7e00. A step that comes out infinite or NaN is stored as 0.
using QuantizeGguf = void(const float* x, uint8_t* y, size_t blocks);

// y = scale * step, of Q4_0 scale * (step - 8). A NaN in y is 0x7fc00000.
using DequantizeGguf = void(const uint8_t* x, float* y, size_t blocks);

// `count` bins of equal width from min to max, as numpy.histogram has them: the edge left of bin i is float(i
// * step + min) with step = span / count and span = max - min, the right edge of the last is `last`,
// float(max); edges rise. For SIMD, (x - first) * scale in float32 is the position of x among the edges, less
// than `doubt` bins off; from kHistogramMaxDoubt on it is of no use.
struct HistogramBins {
  double min, span, step;
  int32_t count;
  float first, last, scale, doubt;
};
constexpr float kHistogramMaxDoubt = 0.25f;

// Counts x in bin trunc(double(x - first) / span * count), the last one at most; one down if x lies below
// that one's edge, then one up if x does not lie below the next one's; the last bin holds its right edge too.
// What lies outside, and NaN, counts as bin number `count`. There are four tables of counters, `stride`
// apart, so that neighbours in one bin need not wait for each other; which one counts is open, and a stride
// of 0 makes them one. n is below 2^32.
constexpr size_t kHistogramTables = 4;
using Histogram = void(const float* x, size_t n, const HistogramBins& bins, uint32_t* counts, size_t stride);

// Of magnitudes as the bits of float32 without the sign, so that every NaN is above infinity.
struct MagnitudeCounts {
  size_t below, inside;
};

// Adds to counts how many magnitudes of x lie below lo, and how many from lo to hi; these are also written to
// found + counts.inside and on, in any order, unless found is null. It has room for kFoundSlack more.
constexpr size_t kFoundSlack = 8;
using CollectMagnitudes = void(const float* x, size_t n, int32_t lo, int32_t hi, MagnitudeCounts& counts,
                               int32_t* found);

// y = x where the magnitude is above limit, else 0. y may be x.
using PruneMagnitudes = void(const float* x, float* y, size_t n, int32_t limit);

// y = x with 0 in place of all but the `keep` largest magnitudes of each group; of equals the first go. A
// group has `of` elements, from 2 to kMaxGroup. y may be x.
constexpr int kMaxGroup = 64;

// Groups that lie one after the other.
using PruneGroups = void(const float* x, float* y, size_t groups, int keep, int of);
// n groups side by side, whose elements lie `stride` apart.
using PruneGroupLanes = void(const float* x, float* y, size_t stride, size_t n, int keep, int of);

// Adds the sum of magnitudes, or of squares, of each of n runs, which have `run` elements and lie one after
// the other, to its one of sums; in every row of x, of which the next begins `stride` further on, row after
// row. Element i of a run is added to number i % 16 of as many sums that begin with 0, in order; then each of
// the first 8 is added the one 8 further on, of the first 4 the one 4 further on, and so on to the first. All
// in double: magnitudes and squares of floats are exact, every sum is rounded. The payload of a NaN is left
// open.
constexpr size_t kNormSums = 16;
using NormSums = void(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums);

// How many elements of x have a bit of mask set.
template <class T>
using CountNonzero = size_t(const T* x, size_t n, T mask);

// What is not stored is an element of which every bit is 0, +0 alone of a float: all come back bit for bit.
// Bit i % 8 of bitmask[i / 8] says whether x[i] is stored, bits after the last are 0; values gets what is
// stored, one after the other, as far as there is room. Returns how many these are, with those that there was
// no room for. What else is in the room is left open.
template <class T>
using PackBitmask = size_t(const T* x, size_t n, uint8_t* bitmask, T* values, size_t room);

// y[i] = the next one of values where bit i % 8 of bitmask[i / 8] is set, else 0, and 0 after the last of
// them. Returns how many were used.
template <class T>
using UnpackBitmask = size_t(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n);

// values: the elements of x of which a bit is set, one after the other, as far as there is room; columns:
// where each of them is. Returns how many these are, with those that there was no room for. What else is in
// the room is left open.
using GatherNonzero = size_t(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values, size_t room);

// A matrix each of whose columns is cut into blocks of `block` rows, a power of two from 16 to 256; the last
// may be shorter. Its values lie row after row, or column after column if it is transposed.
struct BlockwiseLayout {
  size_t rows, cols, block;
  int bits;  // 4 or 8
  bool transposed;
};

// Columns [begin, end) of w as onnxruntime's MatMulNBits holds them, column after column: packed with room
// for whole blocks, two 4-bit steps per byte; scales, one per block; zero_points, packed likewise, or null
// for 2^(bits-1) everywhere. With the range of a block, NaN ignored:
//   with zero points, over the range and 0: scale = (max - min) / (2^bits - 1), zero point = round(-min /
//   scale) without: scale = -far / 2^(bits-1), where far is max if |max| > |min|, else min; both are the
//   first of equals step = round(w * (1 / scale) + zero point) in [0, 2^bits - 1], ties away from zero, NaN
//   to 0
// 1 / scale is 0 for a scale of 0. Steps of missing rows are 0, but after an odd number of rows the last high
// half repeats the one before it in the same pair of blocks; a missing zero point is 8.
using QuantizeBlockwise = void(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                               const BlockwiseLayout& layout, size_t begin, size_t end);

// w = (step - zero point) * scale. A NaN in w is 0x7fc00000.
using DequantizeBlockwise = void(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                 float* w, const BlockwiseLayout& layout, size_t begin, size_t end);

// Gives blocks that quantize_blockwise has made a scale that fits them better, and the steps that follow from
// it; zero points stay. With u = w * (1 / scale), for every factor f: step = round(u * f + zero point),
// rounded as there, l = step - zero point, p = |u| + 0.5, a = the sum of (p * u) * l and b that of (p * l) *
// l, row after row. The f with the largest a * a / b above 0, the first of equals, gives the steps, and the
// scale is multiplied by r = sum of u * u / sum of u * l. Without such an f, or with r not between 0.5 and 2,
// the block stays as it is. 1 / scale is 0 for a scale of 0.
constexpr int kFitFactors = 16;
constexpr float fit_factor(int k) { return static_cast<float>(28 + k) / 32.0f; }
using FitBlockwise = void(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                          const BlockwiseLayout& layout, size_t begin, size_t end);

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
MinMax min_max_f32;
MinMaxLanes min_max_lanes_f32;
Summarize<int8_t> summarize_s8;
Summarize<uint8_t> summarize_u8;
Summarize<int16_t> summarize_s16;
Summarize<uint16_t> summarize_u16;
Summarize<int32_t> summarize_s32;
Summarize<uint32_t> summarize_u32;
Summarize<int64_t> summarize_s64;
Summarize<uint64_t> summarize_u64;
Summarize<float> summarize_f32;
Summarize<double> summarize_f64;
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
FitBlockwise fit_blockwise;
Histogram histogram_f32;
CollectMagnitudes collect_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace scalar
namespace avx2 {
MinMax min_max_f32;
MinMaxLanes min_max_lanes_f32;
Summarize<float> summarize_f32;
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
FitBlockwise fit_blockwise;
Histogram histogram_f32;
CollectMagnitudes collect_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace avx2
namespace avx512 {
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
}  // namespace avx512
namespace neon {
MinMax min_max_f32;
MinMaxLanes min_max_lanes_f32;
Summarize<float> summarize_f32;
QuantizeLinear<int8_t> quantize_linear_s8;
QuantizeLinear<uint8_t> quantize_linear_u8;
QuantizeLinear<int16_t> quantize_linear_s16;
QuantizeLinear<uint16_t> quantize_linear_u16;
QuantizeLinearLanes<int8_t> quantize_linear_lanes_s8;
QuantizeLinearLanes<uint8_t> quantize_linear_lanes_u8;
QuantizeLinearLanes<int16_t> quantize_linear_lanes_s16;
QuantizeLinearLanes<uint16_t> quantize_linear_lanes_u16;
DequantizeLinear<int8_t> dequantize_linear_s8;
DequantizeLinear<uint8_t> dequantize_linear_u8;
DequantizeLinear<int16_t> dequantize_linear_s16;
DequantizeLinear<uint16_t> dequantize_linear_u16;
DequantizeLinear<int32_t> dequantize_linear_s32;
DequantizeLinearLanes<int8_t> dequantize_linear_lanes_s8;
DequantizeLinearLanes<uint8_t> dequantize_linear_lanes_u8;
DequantizeLinearLanes<int16_t> dequantize_linear_lanes_s16;
DequantizeLinearLanes<uint16_t> dequantize_linear_lanes_u16;
DequantizeLinearLanes<int32_t> dequantize_linear_lanes_s32;
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
FitBlockwise fit_blockwise;
Histogram histogram_f32;
CollectMagnitudes collect_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
AccumulateGram accumulate_gram_f32;
AccumulateProducts accumulate_products_f32;
SubtractRows subtract_rows_f64;
CompensateRounding compensate_rounding_f32;
FitKept fit_kept_f64;
CompensatePruning compensate_pruning_f32;
}  // namespace neon

}  // namespace modelpress

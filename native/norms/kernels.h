#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Adds the sum of magnitudes, or of squares, of each of n runs, which have `run` elements and lie one after
// the other, to its one of sums; in every row of x, of which the next begins `stride` further on, row after
// row. Element i of a run is added to number i % 16 of as many sums that begin with 0, in order; then each of
// the first 8 is added the one 8 further on, of the first 4 the one 4 further on, and so on to the first. All
// in double: magnitudes and squares of floats are exact, every sum is rounded. The payload of a NaN is left
// open.
constexpr size_t kNormSums = 16;
using NormSums = void(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums);

namespace scalar {
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
}  // namespace scalar
namespace avx2 {
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
}  // namespace avx2
namespace neon {
NormSums magnitude_sums_f32;
NormSums square_sums_f32;
}  // namespace neon

}  // namespace modelpress

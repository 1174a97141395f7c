#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

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

namespace scalar {
Histogram histogram_f32;
}  // namespace scalar
namespace avx2 {
Histogram histogram_f32;
}  // namespace avx2
namespace neon {
Histogram histogram_f32;
}  // namespace neon

}  // namespace modelpress

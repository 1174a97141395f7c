#include "../kernels.h"

namespace modelpress {
namespace {

// The first comparison is false for a NaN on either side, the second keeps the NaN that is there or comes.
inline float smaller(float a, float b) { return a < b || a != a ? a : b; }
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

}  // namespace

void scalar::min_max_f32(const float* x, size_t n, float* min, float* max) {
  float lo = *min;
  float hi = *max;
  for (size_t i = 0; i < n; ++i) {
    lo = smaller(lo, x[i]);
    hi = larger(hi, x[i]);
  }
  *min = lo;
  *max = hi;
}

void scalar::min_max_lanes_f32(const float* x, size_t rows, size_t stride, size_t n, float* mins,
                               float* maxs) {
  for (size_t row = 0; row < rows; ++row, x += stride)
    for (size_t i = 0; i < n; ++i) {
      mins[i] = smaller(mins[i], x[i]);
      maxs[i] = larger(maxs[i], x[i]);
    }
}

}  // namespace modelpress

#include <cstring>

#include "../kernels.h"

namespace modelpress {
namespace {

inline int32_t magnitude_of(float v) {
  int32_t bits;
  std::memcpy(&bits, &v, sizeof(bits));
  return bits & 0x7fffffff;
}

}  // namespace

void scalar::collect_magnitudes_f32(const float* x, size_t n, int32_t lo, int32_t hi, MagnitudeCounts& counts,
                                    int32_t* found) {
  for (size_t i = 0; i < n; ++i) {
    const int32_t magnitude = magnitude_of(x[i]);
    if (magnitude < lo) ++counts.below;
    if (magnitude < lo || magnitude > hi) continue;
    if (found) found[counts.inside] = magnitude;
    ++counts.inside;
  }
}

void scalar::prune_magnitudes_f32(const float* x, float* y, size_t n, int32_t limit) {
  for (size_t i = 0; i < n; ++i) y[i] = magnitude_of(x[i]) <= limit ? 0.0f : x[i];
}

}  // namespace modelpress

#include <cstring>

#include "kernels.h"

namespace modelpress {
namespace {

inline int32_t magnitude_of(float v) {
  int32_t bits;
  std::memcpy(&bits, &v, sizeof(bits));
  return bits & 0x7fffffff;
}

// Of elements `stride` apart.
inline void prune_group(const float* x, float* y, size_t stride, int keep, int of) {
  float values[kMaxGroup];
  int32_t magnitudes[kMaxGroup];
  for (int i = 0; i < of; ++i) {
    values[i] = x[static_cast<size_t>(i) * stride];
    magnitudes[i] = magnitude_of(values[i]);
  }
  for (int i = 0; i < of; ++i) {
    int larger = 0;  // or equal and further on
    for (int j = 0; j < of; ++j)
      larger += magnitudes[j] > magnitudes[i] || (j > i && magnitudes[j] == magnitudes[i]) ? 1 : 0;
    y[static_cast<size_t>(i) * stride] = larger < keep ? values[i] : 0.0f;
  }
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

void scalar::count_magnitudes_f32(const float* x, size_t n, uint32_t* counts) {
  constexpr size_t unrolled = 8;  // 1.5 times as fast, measured
  size_t i = 0;
  for (; i + unrolled <= n; i += unrolled)
    for (size_t k = 0; k < unrolled; ++k) ++counts[magnitude_of(x[i + k]) >> kLowBits];
  for (; i < n; ++i) ++counts[magnitude_of(x[i]) >> kLowBits];
}

void scalar::prune_magnitudes_f32(const float* x, float* y, size_t n, int32_t limit) {
  for (size_t i = 0; i < n; ++i) y[i] = magnitude_of(x[i]) <= limit ? 0.0f : x[i];
}

void scalar::prune_groups_f32(const float* x, float* y, size_t groups, int keep, int of) {
  const auto size = static_cast<size_t>(of);
  for (size_t i = 0; i < groups; ++i) prune_group(x + i * size, y + i * size, 1, keep, of);
}

void scalar::prune_group_lanes_f32(const float* x, float* y, size_t stride, size_t n, int keep, int of) {
  for (size_t i = 0; i < n; ++i) prune_group(x + i, y + i, stride, keep, of);
}

}  // namespace modelpress

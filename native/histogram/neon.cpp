#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;
static_assert(kStep == kHistogramTables, "one table for every lane");

}  // namespace

void neon::histogram_f32(const float* x, size_t n, const HistogramBins& bins, uint32_t* counts,
                         size_t stride) {
  if (n < kStep || bins.doubt >= kHistogramMaxDoubt) return scalar::histogram_f32(x, n, bins, counts, stride);
  const float32x4_t first = vdupq_n_f32(bins.first);
  const float32x4_t last = vdupq_n_f32(bins.last);
  const float32x4_t doubt = vdupq_n_f32(bins.doubt);
  const float32x4_t no_doubt = vdupq_n_f32(1.0f - bins.doubt);
  const float32x4_t count = vdupq_n_f32(static_cast<float>(bins.count));
  const uint32x4_t outside = vdupq_n_u32(static_cast<uint32_t>(bins.count));
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const float32x4_t v = vld1q_f32(x + i);
    const uint32x4_t at_most_last = vcleq_f32(v, last);
    const uint32x4_t inside = vandq_u32(vcgeq_f32(v, first), at_most_last);
    // No position lies beyond the counters, whatever x holds: the nm form drops a NaN.
    const float32x4_t position = vminnmq_f32(vmulq_n_f32(vsubq_f32(v, first), bins.scale), count);
    const float32x4_t whole = vrndmq_f32(position);
    const float32x4_t part = vsubq_f32(position, whole);
    const uint32x4_t near_edge = vorrq_u32(vcltq_f32(part, doubt), vcgtq_f32(part, no_doubt));
    // What equals the first edge has no doubt about it: ranges often begin where many values are, at zero.
    const uint32x4_t beyond_first = vandq_u32(vcgtq_f32(v, first), at_most_last);
    if (vmaxvq_u32(vandq_u32(near_edge, beyond_first)) != 0) {
      scalar::histogram_f32(x + i, kStep, bins, counts, stride);
      continue;
    }
    const uint32x4_t bin = vbslq_u32(inside, vcvtq_u32_f32(whole), outside);
    ++counts[vgetq_lane_u32(bin, 0)];
    ++counts[stride + vgetq_lane_u32(bin, 1)];
    ++counts[2 * stride + vgetq_lane_u32(bin, 2)];
    ++counts[3 * stride + vgetq_lane_u32(bin, 3)];
  }
  scalar::histogram_f32(x + i, n - i, bins, counts, stride);
}

}  // namespace modelpress

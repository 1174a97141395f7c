#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;
constexpr size_t kBlock = 4 * kStep;  // four chains of comparisons hide their latency

// vminq and vmaxq give a NaN for a NaN on either side, which is the operation's own rule.
struct Range {
  float32x4_t lo[4], hi[4];

  void fold(const float* x) {
    for (int k = 0; k < 4; ++k) {
      const float32x4_t v = vld1q_f32(x + k * kStep);
      lo[k] = vminq_f32(lo[k], v);
      hi[k] = vmaxq_f32(hi[k], v);
    }
  }
};

inline void fold_lanes(const float* x, float* mins, float* maxs) {
  const float32x4_t v = vld1q_f32(x);
  vst1q_f32(mins, vminq_f32(vld1q_f32(mins), v));
  vst1q_f32(maxs, vmaxq_f32(vld1q_f32(maxs), v));
}

constexpr size_t kPair = 2 * kStep;
constexpr size_t kRun = size_t{1} << 24;

}  // namespace

void neon::min_max_f32(const float* x, size_t n, float* min, float* max) {
  if (n < kBlock) return scalar::min_max_f32(x, n, min, max);
  Range range;
  for (int k = 0; k < 4; ++k) {
    range.lo[k] = vdupq_n_f32(*min);
    range.hi[k] = vdupq_n_f32(*max);
  }
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) range.fold(x + i);
  if (i < n) range.fold(x + n - kBlock);  // some elements twice, which changes nothing
  *min = vminvq_f32(vminq_f32(vminq_f32(range.lo[0], range.lo[1]), vminq_f32(range.lo[2], range.lo[3])));
  *max = vmaxvq_f32(vmaxq_f32(vmaxq_f32(range.hi[0], range.hi[1]), vmaxq_f32(range.hi[2], range.hi[3])));
}

void neon::min_max_lanes_f32(const float* x, size_t rows, size_t stride, size_t n, float* mins, float* maxs) {
  if (n < kStep) return scalar::min_max_lanes_f32(x, rows, stride, n, mins, maxs);
  for (; rows > 0; --rows, x += stride) {
    for (size_t i = 0; i + kStep <= n; i += kStep) fold_lanes(x + i, mins + i, maxs + i);
    if (n % kStep != 0) fold_lanes(x + n - kStep, mins + n - kStep, maxs + n - kStep);
  }
}

// Comparisons with a NaN are false, so it leaves both ends alone; vminnmq takes a signalling one in.
void neon::summarize_f32(const float* x, size_t n, float* min, float* max, uint64_t* zeros, uint64_t* nans) {
  float32x4_t lo[2] = {vdupq_n_f32(*min), vdupq_n_f32(*min)};
  float32x4_t hi[2] = {vdupq_n_f32(*max), vdupq_n_f32(*max)};
  size_t i = 0;
  while (i + kPair <= n) {
    // A true comparison is -1 in its lane, and 32 bits hold the sum of a run.
    uint32x4_t zero_count = vdupq_n_u32(0);
    uint32x4_t number_count = vdupq_n_u32(0);
    const size_t first = i;
    const size_t end = n - i < kRun ? n : i + kRun;
    for (; i + kPair <= end; i += kPair)
      for (int k = 0; k < 2; ++k) {
        const float32x4_t v = vld1q_f32(x + i + k * kStep);
        lo[k] = vbslq_f32(vcltq_f32(v, lo[k]), v, lo[k]);
        hi[k] = vbslq_f32(vcgtq_f32(v, hi[k]), v, hi[k]);
        zero_count = vsubq_u32(zero_count, vceqzq_f32(v));
        number_count = vsubq_u32(number_count, vceqq_f32(v, v));
      }
    *zeros += vaddlvq_u32(zero_count);
    *nans += (i - first) - vaddlvq_u32(number_count);
  }
  *min = vminvq_f32(vminq_f32(lo[0], lo[1]));
  *max = vmaxvq_f32(vmaxq_f32(hi[0], hi[1]));
  scalar::summarize_f32(x + i, n - i, min, max, zeros, nans);
}

}  // namespace modelpress

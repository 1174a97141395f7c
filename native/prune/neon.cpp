#include <arm_neon.h>

#include "../neon_lanes.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;
constexpr size_t kBlock = 4 * kStep;

inline int32x4_t bits_of(const float* x) { return vreinterpretq_s32_f32(vld1q_f32(x)); }
inline int32x4_t magnitude_of(int32x4_t bits) { return vandq_s32(bits, vdupq_n_s32(0x7fffffff)); }
inline void store(float* y, int32x4_t bits) { vst1q_f32(y, vreinterpretq_f32_s32(bits)); }
inline int32x4_t kept_where(int32x4_t bits, uint32x4_t mask) {
  return vandq_s32(bits, vreinterpretq_s32_u32(mask));
}

// What lies between lo and hi, of magnitudes in one vector.
struct Bracket {
  int32x4_t lo, hi;

  uint32x4_t below(int32x4_t magnitudes) const { return vcltq_s32(magnitudes, lo); }
  uint32x4_t inside(int32x4_t magnitudes) const {
    return vandq_u32(vcgeq_s32(magnitudes, lo), vcleq_s32(magnitudes, hi));
  }
};

// Writes a whole vector; the next one overwrites what is too much.
inline void collect(int32x4_t magnitudes, unsigned lanes, MagnitudeCounts& counts, int32_t* found) {
  if (found) {
    const uint32x4_t front = moved_lanes(vreinterpretq_u32_s32(magnitudes), kLaneOrders.front[lanes]);
    vst1q_s32(found + counts.inside, vreinterpretq_s32_u32(front));
  }
  counts.inside += kLaneOrders.count[lanes];
}

// Groups of kOf = 2, 4 or 8 elements in vectors of four: each element is compared with those 1, 2, ... places
// further on in its group, and where that place is at the front again, an equal one there does not count.
inline int32x4_t further_on(int32x4_t (&group)[1], int k, size_t) {
  if (k == 1) return vextq_s32(group[0], group[0], 1);
  if (k == 2) return vextq_s32(group[0], group[0], 2);
  return vextq_s32(group[0], group[0], 3);
}

inline int32x4_t further_on(int32x4_t (&group)[2], int k, size_t part) {
  const int32x4_t first = group[k < 4 ? part : 1 - part];
  const int32x4_t second = group[k < 4 ? 1 - part : part];
  if (k % 4 == 0) return first;
  if (k % 4 == 1) return vextq_s32(first, second, 1);
  if (k % 4 == 2) return vextq_s32(first, second, 2);
  return vextq_s32(first, second, 3);
}

template <int kOf>
inline void prune_group(const float* x, float* y, int32x4_t keep) {
  constexpr size_t parts = kOf / 4;
  int32x4_t bits[parts], magnitudes[parts];
  for (size_t part = 0; part < parts; ++part) {
    bits[part] = bits_of(x + part * kStep);
    magnitudes[part] = magnitude_of(bits[part]);
  }
  for (size_t part = 0; part < parts; ++part) {
    const int32_t first = static_cast<int32_t>(part * kStep);
    const int32x4_t own = {first, first + 1, first + 2, first + 3};
    int32x4_t larger = vdupq_n_s32(0);
    for (int k = 1; k < kOf; ++k) {
      // All bits set are -1.
      const uint32x4_t counts_equals = vcltq_s32(own, vdupq_n_s32(kOf - k));
      const int32x4_t least = vaddq_s32(magnitudes[part], vreinterpretq_s32_u32(counts_equals));
      const uint32x4_t greater = vcgtq_s32(further_on(magnitudes, k, part), least);
      larger = vsubq_s32(larger, vreinterpretq_s32_u32(greater));
    }
    store(y + part * kStep, kept_where(bits[part], vcgtq_s32(keep, larger)));
  }
}

// Two groups in one vector.
template <>
inline void prune_group<2>(const float* x, float* y, int32x4_t keep) {
  const int32x4_t bits = bits_of(x);
  const int32x4_t magnitudes = magnitude_of(bits);
  const int32x4_t counts_equals = {-1, 0, -1, 0};
  const uint32x4_t greater = vcgtq_s32(vrev64q_s32(magnitudes), vaddq_s32(magnitudes, counts_equals));
  const int32x4_t larger = vreinterpretq_s32_u32(vshrq_n_u32(greater, 31));
  store(y, kept_where(bits, vcgtq_s32(keep, larger)));
}

template <int kOf>
void prune_vectors(const float* x, float* y, size_t n, int keep) {
  constexpr size_t step = kOf < 4 ? 4 : kOf;
  const int32x4_t kept = vdupq_n_s32(keep);
  size_t i = 0;
  for (; i + step <= n; i += step) prune_group<kOf>(x + i, y + i, kept);
  scalar::prune_groups_f32(x + i, y + i, (n - i) / kOf, keep, kOf);
}

// The largest groups whose comparisons, of each with each, are worth more than an ordering.
constexpr int kMaxLanesGroup = 16;

// A group in each lane.
inline void prune_lanes(const float* x, float* y, size_t stride, int keep, int of) {
  int32x4_t bits[kMaxLanesGroup], magnitudes[kMaxLanesGroup], larger[kMaxLanesGroup];
  for (int i = 0; i < of; ++i) {
    bits[i] = bits_of(x + static_cast<size_t>(i) * stride);
    magnitudes[i] = magnitude_of(bits[i]);
    larger[i] = vdupq_n_s32(of - 1 - i);  // as if all further on were
  }
  for (int j = 1; j < of; ++j)
    for (int i = 0; i < j; ++i) {
      const int32x4_t greater = vreinterpretq_s32_u32(vcgtq_s32(magnitudes[i], magnitudes[j]));
      larger[i] = vaddq_s32(larger[i], greater);
      larger[j] = vsubq_s32(larger[j], greater);
    }
  const int32x4_t kept = vdupq_n_s32(keep);
  for (int i = 0; i < of; ++i)
    store(y + static_cast<size_t>(i) * stride, kept_where(bits[i], vcgtq_s32(kept, larger[i])));
}

}  // namespace

void neon::collect_magnitudes_f32(const float* x, size_t n, int32_t lo, int32_t hi, MagnitudeCounts& counts,
                                  int32_t* found) {
  const Bracket bracket = {vdupq_n_s32(lo), vdupq_n_s32(hi)};
  // A lane counts to 2^32 at most.
  constexpr size_t part = size_t{1} << 31;
  size_t i = 0;
  while (i + kBlock <= n) {
    const size_t end = n - i < part ? n : i + part;
    uint32x4_t below = vdupq_n_u32(0);
    for (; i + kBlock <= end; i += kBlock) {
      int32x4_t magnitudes[4];
      uint32x4_t inside = vdupq_n_u32(0);
      for (size_t k = 0; k < 4; ++k) {
        magnitudes[k] = magnitude_of(bits_of(x + i + k * kStep));
        below = vsubq_u32(below, bracket.below(magnitudes[k]));
        inside = vorrq_u32(inside, bracket.inside(magnitudes[k]));
      }
      if (vmaxvq_u32(inside) == 0) continue;
      for (const int32x4_t each : magnitudes) collect(each, lanes_of(bracket.inside(each)), counts, found);
    }
    counts.below += vaddlvq_u32(below);
  }
  scalar::collect_magnitudes_f32(x + i, n - i, lo, hi, counts, found);
}

void neon::prune_magnitudes_f32(const float* x, float* y, size_t n, int32_t limit) {
  const int32x4_t most = vdupq_n_s32(limit);
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const int32x4_t bits = bits_of(x + i);
    store(y + i, kept_where(bits, vcgtq_s32(magnitude_of(bits), most)));
  }
  scalar::prune_magnitudes_f32(x + i, y + i, n - i, limit);
}

void neon::prune_groups_f32(const float* x, float* y, size_t groups, int keep, int of) {
  if (of == 2) return prune_vectors<2>(x, y, groups * 2, keep);
  if (of == 4) return prune_vectors<4>(x, y, groups * 4, keep);
  if (of == 8) return prune_vectors<8>(x, y, groups * 8, keep);
  scalar::prune_groups_f32(x, y, groups, keep, of);
}

void neon::prune_group_lanes_f32(const float* x, float* y, size_t stride, size_t n, int keep, int of) {
  size_t i = 0;
  if (of <= kMaxLanesGroup)
    for (; i + kStep <= n; i += kStep) prune_lanes(x + i, y + i, stride, keep, of);
  scalar::prune_group_lanes_f32(x + i, y + i, stride, n - i, keep, of);
}

}  // namespace modelpress

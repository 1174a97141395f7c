#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Of magnitudes as the bits of float32 without the sign, so that every NaN is above infinity.
struct MagnitudeCounts {
  size_t below, inside;
};

// Adds to counts how many magnitudes of x lie below lo, and how many from lo to hi; these are also written to
// found + counts.inside and on, in any order, unless found is null. It has room for kFoundSlack more.
constexpr size_t kFoundSlack = 8;
using CollectMagnitudes = void(const float* x, size_t n, int32_t lo, int32_t hi, MagnitudeCounts& counts,
                               int32_t* found);

// Counts each magnitude of x by its upper bits, all but the lowest kLowBits. n is below 2^32.
constexpr int kLowBits = 16;
using CountMagnitudes = void(const float* x, size_t n, uint32_t* counts);

// y = x where the magnitude is above limit, else 0. y may be x.
using PruneMagnitudes = void(const float* x, float* y, size_t n, int32_t limit);

// y = x with 0 in place of all but the `keep` largest magnitudes of each group; of equals the first go. A
// group has `of` elements, from 2 to kMaxGroup. y may be x.
constexpr int kMaxGroup = 64;

// Groups that lie one after the other.
using PruneGroups = void(const float* x, float* y, size_t groups, int keep, int of);
// n groups side by side, whose elements lie `stride` apart.
using PruneGroupLanes = void(const float* x, float* y, size_t stride, size_t n, int keep, int of);

namespace scalar {
CollectMagnitudes collect_magnitudes_f32;
CountMagnitudes count_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
}  // namespace scalar
namespace avx2 {
CollectMagnitudes collect_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
}  // namespace avx2
namespace neon {
CollectMagnitudes collect_magnitudes_f32;
PruneMagnitudes prune_magnitudes_f32;
PruneGroups prune_groups_f32;
PruneGroupLanes prune_group_lanes_f32;
}  // namespace neon

}  // namespace modelpress

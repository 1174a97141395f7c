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

namespace scalar {
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
}  // namespace scalar
namespace avx2 {
MinMax min_max_f32;
MinMaxLanes min_max_lanes_f32;
Summarize<float> summarize_f32;
}  // namespace avx2
namespace neon {
MinMax min_max_f32;
MinMaxLanes min_max_lanes_f32;
Summarize<float> summarize_f32;
}  // namespace neon

}  // namespace modelpress

#pragma once

#include "../blockwise/kernels.h"

namespace modelpress {

// Gives blocks that quantize_blockwise has made a scale that fits them better, and the steps that follow from
// it; zero points stay. With u = w * (1 / scale), for every factor f: step = round(u * f + zero point),
// rounded as there, l = step - zero point, p = |u| + 0.5, a = the sum of (p * u) * l and b that of (p * l) *
// l, row after row. The f with the largest a * a / b above 0, the first of equals, gives the steps, and the
// scale is multiplied by r = sum of u * u / sum of u * l. Without such an f, or with r not between 0.5 and 2,
// the block stays as it is. 1 / scale is 0 for a scale of 0.
constexpr int kFitFactors = 16;
constexpr float fit_factor(int k) { return static_cast<float>(28 + k) / 32.0f; }
using FitBlockwise = void(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                          const BlockwiseLayout& layout, size_t begin, size_t end);

namespace scalar {
FitBlockwise fit_blockwise;
}  // namespace scalar
namespace avx2 {
FitBlockwise fit_blockwise;
}  // namespace avx2
namespace neon {
FitBlockwise fit_blockwise;
}  // namespace neon

}  // namespace modelpress

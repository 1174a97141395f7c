// Rows whose every element has a scale and a zero point of its own.
#pragma once

#include "../ahead.h"
#include "stores.h"

namespace modelpress {
namespace {

// Rows in one go, for parameters that are loaded once serve all of them.
constexpr size_t kRows = 4;

// A cache line of y in each row: in halves, among those of other rows, it would go to memory twice.
template <class V, size_t rows, class Q>
inline void dequantize_lane_lines(const Q* x, float* y, size_t stride, const float* scales,
                                  const int32_t* zero_points, bool around) {
  constexpr size_t vectors = kLineFloats / V::kFloats;
  typename V::Floats scale[vectors];
  typename V::Integers zero_point[vectors];
  for (size_t k = 0; k < vectors; ++k) {
    scale[k] = V::load(scales + k * V::kFloats);
    zero_point[k] = V::widen(zero_points + k * V::kFloats);
  }
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride)
    for (size_t k = 0; k < vectors; ++k) {
      const auto v = V::dequantized(V::widen(x + k * V::kFloats), zero_point[k], scale[k]);
      around ? V::stream(y + k * V::kFloats, v) : V::store(y + k * V::kFloats, v);
    }
}

template <class V, size_t rows, class Q>
inline void dequantize_lane_rows(const Q* x, float* y, size_t stride, size_t n, const float* scales,
                                 const int32_t* zero_points, bool around) {
  Ahead<Q> ahead(x + rows * stride, stride, n);
  const auto lines = [&](size_t i, bool whole) {
    ahead.fetch(rows * kLineFloats);
    dequantize_lane_lines<V, rows>(x + i, y + i, stride, scales + i, zero_points + i, whole);
  };
  lines(0, false);
  size_t i = until_aligned(y, kLine);
  for (; i + kLineFloats <= n; i += kLineFloats) lines(i, around);
  if (i < n) lines(n - kLineFloats, false);
}

// At least a line.
template <class V, class Q>
void dequantize_lanes(const Q* x, float* y, size_t rows, size_t stride, size_t n, const float* scales,
                      const int32_t* zero_points) {
  const bool around = rows * n >= kStream && aligned(y, sizeof(float)) &&
                      stride * sizeof(float) % sizeof(typename V::Floats) == 0;
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    dequantize_lane_rows<V, kRows>(x, y, stride, n, scales, zero_points, around);
  for (; rows > 0; --rows, x += stride, y += stride)
    dequantize_lane_rows<V, 1>(x, y, stride, n, scales, zero_points, around);
  if (around) _mm_sfence();
}

}  // namespace
}  // namespace modelpress

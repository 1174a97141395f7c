// Rows each of whose elements has a scale and a zero point of its own, the same in every row.
#pragma once

#include "../ahead.h"
#include "quotients.h"

namespace modelpress {
namespace {

// Rows in one go, for parameters that are loaded once serve all of them. Six are 1.1 times as fast as four or
// eight on [4096, 4096], measured.
constexpr size_t kRows = 6;
// Lanes in one go, for divisions that are done once serve all rows.
constexpr size_t kTile = 4096;

// quotients(i) is what divides a vector of lanes from i on.
template <class V, size_t rows, class Q, class Quotients>
inline void quantize_lane_block(const float* x, Q* y, size_t stride, size_t i, const Quotients& quotients,
                                const int32_t* zero_points, bool around, Ahead<float>& ahead) {
  const ZeroPoints<V, Q> zp(zero_points + i);
  const auto each = [&](size_t group) { return quotients(i + V::kFloats * group); };
  const decltype(each(0)) held[] = {each(0), each(1), each(kGroups<V, Q> - 2), each(kGroups<V, Q> - 1)};
  x += i;
  y += i;
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    ahead.fetch(kBlock<V, Q>);
    const auto q = quantize_block([&](size_t group) { return held[group](x + V::kFloats * group); }, zp);
    if (around)
      V::stream(y, q);
    else
      V::store(y, q);
  }
}

template <class V, size_t rows, class Q, class Quotients>
inline void quantize_tile_rows(const float* x, Q* y, size_t stride, size_t n, const Quotients& quotients,
                               const int32_t* zero_points, bool around) {
  Ahead<float> ahead(x + rows * stride, stride, n);
  const auto block = [&](size_t i, bool whole) {
    quantize_lane_block<V, rows>(x, y, stride, i, quotients, zero_points, whole, ahead);
  };
  block(0, false);
  size_t i = until_aligned<V>(y);
  for (; i + kBlock<V, Q> <= n; i += kBlock<V, Q>) block(i, around);
  if (i < n) block(n - kBlock<V, Q>, false);
}

template <class V, class Q, class Quotients>
void quantize_tile(const float* x, Q* y, size_t rows, size_t stride, size_t n, const Quotients& quotients,
                   const int32_t* zero_points, bool around) {
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    quantize_tile_rows<V, kRows>(x, y, stride, n, quotients, zero_points, around);
  for (; rows > 0; --rows, x += stride, y += stride)
    quantize_tile_rows<V, 1>(x, y, stride, n, quotients, zero_points, around);
}

// The divisors of a tile, made once for all rows, and one limit for all: where no scale is more than kSpread
// times another, that is far for each, and no product with it overflows.
constexpr float kSpread = 0x1p13f;

template <class V, class Q>
struct Divisors {
  float a[kTile], b[kTile];
  float far;

  // False where the scales are not what multiplication is for.
  bool make(const float* scales, size_t n) {
    auto lowest = V::load(scales);
    auto highest = lowest;
    for (size_t i = 0; i < n; i += V::kFloats) {
      const size_t at = i + V::kFloats <= n ? i : n - V::kFloats;
      const auto scale = V::load(scales + at);
      lowest = V::min(lowest, scale);
      highest = V::max(highest, scale);
      const Divisor<V> by = divisor<V, Q>(scale);
      V::store(a + at, by.a);
      V::store(b + at, by.b);
    }
    float smallest[V::kFloats], largest[V::kFloats];
    V::store(smallest, lowest);
    V::store(largest, highest);
    for (size_t i = 1; i < V::kFloats; ++i) {
      smallest[0] = smallest[i] < smallest[0] ? smallest[i] : smallest[0];
      largest[0] = largest[i] > largest[0] ? largest[i] : largest[0];
    }
    far = largest[0] * kFar<Q>;
    return smallest[0] >= kReciprocalMin && largest[0] <= kReciprocalMax &&
           largest[0] <= smallest[0] * kSpread;
  }
};

template <class V, class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  const bool around =
      rows * n >= kStream && aligned(y, sizeof(Q)) && stride * sizeof(Q) % sizeof(typename V::Integers) == 0;
  Divisors<V, Q> divisors;
  for (size_t first = 0; first < n; first += kTile) {
    // The last tile has a block at least, by what it shares with the one before.
    const size_t i = n - first < kBlock<V, Q> ? n - kBlock<V, Q> : first;
    const size_t count = n - i < kTile ? n - i : kTile;
    const float* const s = scales + i;
    // Of few rows the divisions cost less than the divisors.
    if (rows >= kRows && divisors.make(s, count)) {
      const auto quotients = [&](size_t at) {
        return Multiplication<V, Q>({V::load(divisors.a + at), V::load(divisors.b + at)}, divisors.far);
      };
      quantize_tile<V>(x + i, y + i, rows, stride, count, quotients, zero_points + i, around && i == first);
    } else {
      const auto quotients = [&](size_t at) { return Division<V, Q>{V::load(s + at)}; };
      quantize_tile<V>(x + i, y + i, rows, stride, count, quotients, zero_points + i, around && i == first);
    }
  }
  if (around) _mm_sfence();
}

}  // namespace
}  // namespace modelpress

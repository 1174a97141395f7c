// From floats to steps, for every vector of x86: what rows.h and lanes.h do with a block of them.
#pragma once

#include "kernels.h"

namespace modelpress {
namespace {

template <class V, class Q>
constexpr size_t kBlock = sizeof(typename V::Integers) / sizeof(Q);
template <class V, class Q>
constexpr size_t kGroups = kBlock<V, Q> / V::kFloats;

// Beyond these the arithmetic with a reciprocal may overflow, or lose bits to an underflow.
constexpr float kReciprocalMin = 0x1p-64f;
constexpr float kReciprocalMax = 0x1p64f;

// In steps: beyond the range of every zero point. Powers of two, so that a product with a scale is exact.
template <class Q>
constexpr float kFar = sizeof(Q) == 1 ? 0x1p10f : 0x1p17f;

// Bytes need a limit above only: the conversion to integers gives the smallest one for a NaN and for what
// lies too far below, and every sum that follows saturates. 16 bits are summed in 32, which would wrap.
template <class V, class Q>
inline typename V::Floats limited(typename V::Floats v, typename V::Floats limit, typename V::Floats lowest) {
  v = V::min(limit, v);
  return sizeof(Q) == 1 ? v : V::max(v, lowest);
}

template <class V, class Q>
struct Division {
  typename V::Floats scale;

  typename V::Integers operator()(const float* x) const {
    const auto q = V::div(V::load(x), scale);
    return V::rounded(limited<V, Q>(q, V::all(kFar<Q>), V::all(-kFar<Q>)));
  }
};

// What a multiplication needs in place of a division by a scale in [kReciprocalMin, kReciprocalMax].
template <class V>
struct Divisor {
  typename V::Floats a, b;
};

// For bytes the reciprocal as a sum of two floats. Their product with x is not always the rounded quotient,
// but both round to the same integer. They could only differ next to the midpoint of two floats, and it would
// only matter where one of these is a tie: compared for all such pairs of x and scale, up to the tie 255.5.
template <class V, class Q>
inline Divisor<V> divisor(typename V::Floats scale) {
  const auto reciprocal = V::div(V::all(1.0f), scale);
  if (sizeof(Q) > 1) return {scale, reciprocal};
  return {reciprocal, V::remainder(scale, reciprocal)};
}

// For 16 bits x times the reciprocal and one correction (Markstein, IBM Journal of Research and Development
// 34, 1990): the rounded quotient itself, compared in the same way up to the tie 131071.5.
template <class V, class Q>
struct Multiplication {
  Divisor<V> by;
  typename V::Floats limit, lowest;

  Multiplication(const Divisor<V>& divisor, float far)
      : by(divisor), limit(V::all(far)), lowest(V::all(-far)) {}

  typename V::Integers operator()(const float* x) const {
    const auto v = limited<V, Q>(V::load(x), limit, lowest);
    if (sizeof(Q) == 1) return V::rounded(V::fused(v, by.a, V::mul(v, by.b)));
    const auto q = V::mul(v, by.b);
    return V::rounded(V::fused(V::fused_rest(q, by.a, v), by.b, q));
  }
};

// The zero points of a block in the width that they are added in, in the order of the packed sums.
template <class V, class Q>
struct ZeroPoints {
  typename V::Integers a, b;

  explicit ZeroPoints(int32_t each)
      : a(sizeof(Q) == 1 ? V::all16(static_cast<int16_t>(each)) : V::all32(each)), b(a) {}

  explicit ZeroPoints(const int32_t* each) : a(V::load(each)), b(V::load(each + V::kFloats)) {
    if (sizeof(Q) == 2) return;
    a = V::pack32(a, b);
    b = V::pack32(V::load(each + 2 * V::kFloats), V::load(each + 3 * V::kFloats));
  }
};

// From steps to y; the saturation of sums and packs is that of the operation.
template <class V, class Q, class Steps>
inline typename V::Integers quantize_block(const Steps& steps, const ZeroPoints<V, Q>& zp) {
  if constexpr (sizeof(Q) == 1) {
    const auto a = V::add_saturated16(V::pack32(steps(0), steps(1)), zp.a);
    const auto b = V::add_saturated16(V::pack32(steps(2), steps(3)), zp.b);
    return V::in_order8(V::pack(a, b, Q{}));
  } else {
    const auto a = V::add32(steps(0), zp.a);
    return V::in_order16(V::pack(a, V::add32(steps(1), zp.b), Q{}));
  }
}

template <class T>
inline bool aligned(const T* y, size_t bytes) {
  return (reinterpret_cast<uintptr_t>(y) & (bytes - 1)) == 0;
}

// How many elements of y come before the first one that a vector can be stored to in one piece; 1 at least.
template <class V, class Q>
inline size_t until_aligned(const Q* y) {
  constexpr size_t size = sizeof(typename V::Integers);
  return (size - (reinterpret_cast<uintptr_t>(y) & (size - 1))) / sizeof(Q);
}

// From these many elements on, results go around the cache: they would push each other out of it before
// anyone reads them, and a line that is not cached need not be read before it is written. Measured with 32 MB
// of cache; below, it costs.
constexpr size_t kStream = size_t{4} << 20;

}  // namespace
}  // namespace modelpress

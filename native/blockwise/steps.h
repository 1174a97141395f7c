// From the range of a block to its parameters and steps, in vectors of blocks side by side. Each file that
// includes it gets its own copy, as with ahead.h.
#pragma once

#include "columns.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;

// The largest float below 0.5, with which truncation takes every tie up, and nothing that is less than a tie.
constexpr float kBelowHalf = 0x1.fffffep-2f;

template <class V>
struct Range {
  typename V::Floats min, max;

  static Range nothing() { return {V::all(kLargest), V::all(-kLargest)}; }

  // What is there stays where v is not less, or not greater: NaN and equals.
  void fold(typename V::Floats v) {
    min = V::min(v, min);
    max = V::max(v, max);
  }
};

template <class V>
struct Params {
  typename V::Floats scale, zero_point;

  typename V::Floats reciprocal() const { return V::unless_zero(scale, V::div(V::all(1.0f), scale)); }
};

template <class V, int kBits>
inline Params<V> symmetric_params(const Range<V>& range) {
  constexpr float kMid = 1 << (kBits - 1);
  return {V::mul(V::farther(range.min, range.max), V::all(-1.0f / kMid)), V::all(kMid)};
}

// max gives its second operand on NaN, which infinite ranges make.
template <class V, int kBits>
inline Params<V> asymmetric_params(const Range<V>& range) {
  const auto most = V::all((1 << kBits) - 1);
  const auto min = V::min(V::zero(), range.min);
  const auto max = V::max(V::zero(), range.max);
  const auto scale = V::div(V::sub(max, min), most);
  const auto point = V::unless_zero(scale, V::sub(V::zero(), V::div(min, scale)));
  const auto rounded = V::add(V::min(V::max(point, V::zero()), most), V::all(kBelowHalf));
  return {scale, V::floats(V::truncated(rounded))};
}

template <class V, int kBits>
inline Params<V> params_of(const Range<V>& range, bool symmetric) {
  return symmetric ? symmetric_params<V, kBits>(range) : asymmetric_params<V, kBits>(range);
}

// Whether one is infinite: then a product with it may be too large for an integer.
template <class V>
inline bool is_extreme(typename V::Floats reciprocal) {
  return V::any_above(V::magnitude(reciprocal), kLargest);
}

// Four vectors of integers as bytes: of each 128 bits four of the first, then of the others. Saturates, and
// makes 0 of what a NaN was converted to.
template <class V>
inline typename V::Integers bytes_of(typename V::Integers a, typename V::Integers b, typename V::Integers c,
                                     typename V::Integers d) {
  return V::pack16(V::pack32(a, b), V::pack32(c, d));
}

// round(w * reciprocal + zero point), as the integer below w * reciprocal + (zero point + almost a half): the
// sum in one step rounds to the same side of every integer, checked for every product and zero point.
template <class V, int kBits, bool kIsExtreme>
struct Steps {
  typename V::Floats reciprocal, offset;

  Steps(typename V::Floats reciprocal, typename V::Floats zero_point)
      : reciprocal(reciprocal), offset(V::add(zero_point, V::all(kBelowHalf))) {}

  typename V::Integers of(const float* values) const {
    auto v = V::add(V::mul(V::load(values), reciprocal), offset);
    // Only a product with an infinite reciprocal can be too large for an integer; min keeps NaN here.
    if (kIsExtreme) v = V::min(V::all((1 << kBits) - 1), v);
    return V::truncated(v);  // what is below 0 becomes so by saturation
  }

  // 32 / kBits rows of as many columns as a vector has floats, a word per column.
  typename V::Integers words(const float* values, size_t stride) const {
    const auto q = [&](size_t i) { return of(values + i * stride); };
    if (kBits == 8) return V::columns(bytes_of<V>(q(0), q(1), q(2), q(3)));
    const auto most = V::all8(15);
    const auto low = V::min8(bytes_of<V>(q(0), q(2), q(4), q(6)), most);
    const auto high = V::min8(bytes_of<V>(q(1), q(3), q(5), q(7)), most);
    return V::columns(V::either(low, V::left_4(high)));
  }
};

}  // namespace
}  // namespace modelpress

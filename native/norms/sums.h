// Norms as instruction sets share them: they differ in how four doubles are held. A class V has
//   Doubles, four of them; zero(); load(p) and store(p, v); add(a, b)
//   widen(x): four floats; widen_first(x, count): so many of them, and zeros, which change no sum
//   add_magnitudes(sums, v) and add_squares(sums, v)
//   total(v): lanes 0 and 2, and 1 and 3, then these two
#pragma once

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;

template <class V, auto add_terms>
inline double run_sum(const float* x, size_t n) {
  typename V::Doubles sums[] = {V::zero(), V::zero(), V::zero(), V::zero()};
  static_assert(sizeof(sums) == kNormSums * sizeof(double));
  size_t i = 0;
  for (; i + kNormSums <= n; i += kNormSums)
    for (size_t k = 0; k < 4; ++k) sums[k] = add_terms(sums[k], V::widen(x + i + k * kStep));
  for (size_t k = 0; i < n; ++k, i += kStep) sums[k] = add_terms(sums[k], V::widen_first(x + i, n - i));
  return V::total(V::add(V::add(sums[0], sums[2]), V::add(sums[1], sums[3])));
}

// Runs of one element: a sum in each lane, and several rows while it is loaded. Returns how many it did.
constexpr size_t kRows = 8;
template <class V, auto add_terms>
inline size_t add_lanes(const float* x, size_t rows, size_t stride, size_t n, double* sums) {
  const size_t end = n / kStep * kStep;
  for (size_t row = 0; row < rows; row += kRows) {
    const size_t count = rows - row < kRows ? rows - row : kRows;
    for (size_t i = 0; i < end; i += kStep) {
      auto sum = V::load(sums + i);
      for (size_t k = 0; k < count; ++k) sum = add_terms(sum, V::widen(x + (row + k) * stride + i));
      V::store(sums + i, sum);
    }
  }
  return end;
}

template <class V, auto add_terms>
inline void norm_sums(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  const size_t begin = run == 1 ? add_lanes<V, add_terms>(x, rows, stride, n, sums) : 0;
  if (begin == n) return;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = begin; i < n; ++i) sums[i] += run_sum<V, add_terms>(x + row * stride + i * run, run);
}

}  // namespace
}  // namespace modelpress

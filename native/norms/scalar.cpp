#include <cmath>

#include "kernels.h"

namespace modelpress {
namespace {

struct Magnitude {
  double operator()(double v) const { return std::fabs(v); }
};
struct Square {
  double operator()(double v) const { return v * v; }
};

template <class Term>
double run_sum(const float* x, size_t n, Term term) {
  double sums[kNormSums] = {};
  for (size_t i = 0; i < n; ++i) sums[i % kNormSums] += term(static_cast<double>(x[i]));
  for (size_t half = kNormSums / 2; half > 0; half /= 2)
    for (size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  return sums[0];
}

template <class Term>
void norm_sums(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums, Term term) {
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < n; ++i) sums[i] += run_sum(x + row * stride + i * run, run, term);
}

}  // namespace

void scalar::magnitude_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run,
                                double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Magnitude{});
}

void scalar::square_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Square{});
}

}  // namespace modelpress

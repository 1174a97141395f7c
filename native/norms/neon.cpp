#include <arm_neon.h>

#include <cstring>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 4;

struct Magnitude {
  float64x2_t operator()(float64x2_t v) const { return vabsq_f64(v); }
};
struct Square {
  float64x2_t operator()(float64x2_t v) const { return vmulq_f64(v, v); }
};

// The eight vectors that are 16 sums.
struct Sums {
  float64x2_t of[8];

  template <class Term>
  void add(const float* x, Term term) {
    for (size_t k = 0; k < 4; ++k) {
      const float32x4_t v = vld1q_f32(x + k * kStep);
      of[2 * k] = vaddq_f64(of[2 * k], term(vcvt_f64_f32(vget_low_f32(v))));
      of[2 * k + 1] = vaddq_f64(of[2 * k + 1], term(vcvt_high_f64_f32(v)));
    }
  }

  double total() const {
    const float64x2_t low = vaddq_f64(vaddq_f64(of[0], of[4]), vaddq_f64(of[2], of[6]));
    const float64x2_t high = vaddq_f64(vaddq_f64(of[1], of[5]), vaddq_f64(of[3], of[7]));
    return vaddvq_f64(vaddq_f64(low, high));
  }
};

// Zeros after the last element change no sum.
template <class Term>
inline double run_sum(const float* x, size_t n, Term term) {
  Sums sums;
  for (float64x2_t& each : sums.of) each = vdupq_n_f64(0);
  size_t i = 0;
  for (; i + kNormSums <= n; i += kNormSums) sums.add(x + i, term);
  if (i < n) {
    float rest[kNormSums] = {};
    std::memcpy(rest, x + i, (n - i) * sizeof(float));
    sums.add(rest, term);
  }
  return sums.total();
}

// Runs of one element: a sum in each lane, and four rows while it is loaded.
template <class Term>
inline size_t add_lanes(const float* x, size_t rows, size_t stride, size_t n, double* sums, Term term) {
  const size_t end = n / kStep * kStep;
  for (size_t row = 0; row < rows; row += kStep) {
    const size_t count = rows - row < kStep ? rows - row : kStep;
    for (size_t i = 0; i < end; i += kStep) {
      float64x2_t low = vld1q_f64(sums + i);
      float64x2_t high = vld1q_f64(sums + i + 2);
      for (size_t k = 0; k < count; ++k) {
        const float32x4_t v = vld1q_f32(x + (row + k) * stride + i);
        low = vaddq_f64(low, term(vcvt_f64_f32(vget_low_f32(v))));
        high = vaddq_f64(high, term(vcvt_high_f64_f32(v)));
      }
      vst1q_f64(sums + i, low);
      vst1q_f64(sums + i + 2, high);
    }
  }
  return end;
}

template <class Term>
inline void norm_sums(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums,
                      Term term) {
  const size_t begin = run == 1 ? add_lanes(x, rows, stride, n, sums, term) : 0;
  if (begin == n) return;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = begin; i < n; ++i) sums[i] += run_sum(x + row * stride + i * run, run, term);
}

}  // namespace

void neon::magnitude_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run,
                              double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Magnitude{});
}

void neon::square_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  norm_sums(x, rows, stride, n, run, sums, Square{});
}

}  // namespace modelpress

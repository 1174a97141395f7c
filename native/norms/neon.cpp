#include <arm_neon.h>

#include <cstring>

#include "sums.h"

namespace modelpress {
namespace {

struct Neon {
  struct Doubles {
    float64x2_t low, high;
  };

  static Doubles zero() { return {vdupq_n_f64(0), vdupq_n_f64(0)}; }
  static Doubles load(const double* p) { return {vld1q_f64(p), vld1q_f64(p + 2)}; }
  static void store(double* p, Doubles v) {
    vst1q_f64(p, v.low);
    vst1q_f64(p + 2, v.high);
  }
  static Doubles add(Doubles a, Doubles b) { return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }

  static Doubles widen(const float* x) {
    const float32x4_t v = vld1q_f32(x);
    return {vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)};
  }
  static Doubles widen_first(const float* x, size_t count) {
    if (count >= kStep) return widen(x);
    float first[kStep] = {};
    std::memcpy(first, x, count * sizeof(float));
    return widen(first);
  }

  static Doubles add_magnitudes(Doubles sums, Doubles v) {
    return add(sums, {vabsq_f64(v.low), vabsq_f64(v.high)});
  }
  // A fused multiply-add changes nothing: the square of a float is exact either way.
  static Doubles add_squares(Doubles sums, Doubles v) {
    return {vfmaq_f64(sums.low, v.low, v.low), vfmaq_f64(sums.high, v.high, v.high)};
  }

  static double total(Doubles v) { return vaddvq_f64(vaddq_f64(v.low, v.high)); }
};

}  // namespace

void neon::magnitude_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run,
                              double* sums) {
  norm_sums<Neon, Neon::add_magnitudes>(x, rows, stride, n, run, sums);
}

void neon::square_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  norm_sums<Neon, Neon::add_squares>(x, rows, stride, n, run, sums);
}

}  // namespace modelpress

#include <immintrin.h>

#include "sums.h"

namespace modelpress {
namespace {

struct Avx2 {
  using Doubles = __m256d;

  static Doubles zero() { return _mm256_setzero_pd(); }
  static Doubles load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, Doubles v) { _mm256_storeu_pd(p, v); }
  static Doubles add(Doubles a, Doubles b) { return _mm256_add_pd(a, b); }

  static Doubles widen(const float* x) { return _mm256_cvtps_pd(_mm_loadu_ps(x)); }
  static Doubles widen_first(const float* x, size_t count) {
    const __m128i places = _mm_setr_epi32(0, 1, 2, 3);
    const __m128i mask = _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(count)), places);
    return _mm256_cvtps_pd(_mm_maskload_ps(x, mask));
  }

  static Doubles add_magnitudes(Doubles sums, Doubles v) {
    return add(sums, _mm256_andnot_pd(_mm256_set1_pd(-0.0), v));
  }
  // A fused multiply-add changes nothing: the square of a float is exact either way.
  static Doubles add_squares(Doubles sums, Doubles v) { return _mm256_fmadd_pd(v, v, sums); }

  static double total(Doubles v) {
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
};

}  // namespace

void avx2::magnitude_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run,
                              double* sums) {
  norm_sums<Avx2, Avx2::add_magnitudes>(x, rows, stride, n, run, sums);
}

void avx2::square_sums_f32(const float* x, size_t rows, size_t stride, size_t n, size_t run, double* sums) {
  norm_sums<Avx2, Avx2::add_squares>(x, rows, stride, n, run, sums);
}

}  // namespace modelpress

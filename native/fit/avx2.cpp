#include <immintrin.h>

#include "../avx2_transpose.h"
#include "tiles.h"

namespace modelpress {
namespace {

struct Avx2 {
  using Floats = __m256;
  using Mask = __m256;
  static constexpr size_t kFloats = 8;

  static Floats load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
  static Floats set(float v) { return _mm256_set1_ps(v); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  static Floats abs(Floats v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }

  static Mask greater(Floats a, Floats b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
  static Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
  static Floats select(Mask m, Floats yes, Floats no) { return _mm256_blendv_ps(no, yes, m); }
  static unsigned bits(Mask m) { return static_cast<unsigned>(_mm256_movemask_ps(m)); }

  // max and min give their second operand for NaN.
  static Floats clamp(Floats v, Floats most) {
    return _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), most);
  }
  static Floats truncate(Floats v) { return _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  static void store_integers(int32_t* p, Floats v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvttps_epi32(v));
  }
  static Floats reciprocal(Floats v) {
    return _mm256_and_ps(div(set(1.0f), v), _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
  }

  static void load_columns(float* to, const float* w, size_t rows, size_t stride) {
    size_t i = 0;
    for (; i + kFloats <= rows; i += kFloats) {
      __m256 r[kFloats];
      for (size_t k = 0; k < kFloats; ++k) r[k] = load(w + k * stride + i);
      transpose(r);
      for (size_t k = 0; k < kFloats; ++k) store(to + kFloats * (i + k), r[k]);
    }
    for (; i < rows; ++i)
      for (size_t k = 0; k < kFloats; ++k) to[kFloats * i + k] = w[k * stride + i];
  }
};

}  // namespace

void avx2::fit_blockwise(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                         const BlockwiseLayout& layout, size_t begin, size_t end) {
  fit<Avx2>(w, packed, scales, zero_points, layout, begin, end);
}

}  // namespace modelpress

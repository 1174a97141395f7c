#include <immintrin.h>

#include "../kernels.h"

namespace modelpress {
namespace {

constexpr size_t kBlock = 32;

// From these many elements on, results go around the cache: they would push each other out of it before
// anyone reads them, and a line that is not cached need not be read before it is written. Measured with 32 MB
// of cache; below, it costs.
constexpr size_t kQuantizeStream = size_t{4} << 20;
constexpr size_t kDequantizeStream = size_t{8} << 20;

// Beyond these the low half of a reciprocal may be subnormal and lose bits.
constexpr float kReciprocalMin = 0x1p-64f;
constexpr float kReciprocalMax = 0x1p64f;

template <class Q>
constexpr int32_t kMax = 255;
template <>
constexpr int32_t kMax<int8_t> = 127;

// From steps (x / scale, rounded) to y. The saturation of sum and packs is that of the operation: steps are
// right, or beyond the range of every zero point on the right side.
inline __m256i add_packed(__m256i a, __m256i b, __m256i zero_point) {
  return _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero_point);
}
inline __m256i pack(__m256i a, __m256i b, int8_t) { return _mm256_packs_epi16(a, b); }
inline __m256i pack(__m256i a, __m256i b, uint8_t) { return _mm256_packus_epi16(a, b); }

// Undoes what the two in-lane packs did to groups of four bytes.
inline __m256i in_order(__m256i q) {
  return _mm256_permutevar8x32_epi32(q, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// For a scale in [kReciprocalMin, kReciprocalMax]: x times the reciprocal as a sum of two floats. The result
// is not always the rounded quotient, but both round to the same integer: checked for every significand of a
// scale around every tie up to 255.5, and powers of two change nothing.
struct Reciprocal {
  __m256 high, low, limit;

  Reciprocal(float scale, int32_t largest) {
    const float nearest = 1.0f / scale;
    high = _mm256_set1_ps(nearest);
    low = _mm256_set1_ps(static_cast<float>(1.0 / static_cast<double>(scale) - static_cast<double>(nearest)));
    limit = _mm256_set1_ps(static_cast<float>(largest + 1) * scale);
  }

  __m256i operator()(const float* x) const {
    // Limited above only: the conversion gives the smallest integer for NaN and for what lies too far below,
    // and that is right for both. min returns its second operand for a NaN.
    const __m256 v = _mm256_min_ps(limit, _mm256_loadu_ps(x));
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(v, high, _mm256_mul_ps(v, low)));
  }
};

inline __m256i divide(__m256 x, __m256 scale) {
  const __m256 limit = _mm256_set1_ps(1024.0f);  // beyond the range of every zero point, and no overflow
  return _mm256_cvtps_epi32(_mm256_min_ps(limit, _mm256_div_ps(x, scale)));
}

struct Division {
  __m256 scale;

  explicit Division(float s) : scale(_mm256_set1_ps(s)) {}

  __m256i operator()(const float* x) const { return divide(_mm256_loadu_ps(x), scale); }
};

template <class Q, class Steps>
inline __m256i quantize_block(const float* x, const Steps& steps, __m256i zero_point) {
  const __m256i a = add_packed(steps(x), steps(x + 8), zero_point);
  const __m256i b = add_packed(steps(x + 16), steps(x + 24), zero_point);
  return in_order(pack(a, b, Q{}));
}

inline void store(void* y, __m256i q) { _mm256_storeu_si256(static_cast<__m256i*>(y), q); }

// How many elements of y come before the first one that a vector can be stored to in one piece; 1 at least.
template <class T>
inline size_t until_aligned(const T* y) {
  return (sizeof(__m256i) - (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256i) - 1))) / sizeof(T);
}

// At least kBlock elements. The first and the last block overlap their neighbours, which write the same
// bytes.
template <class Q, class Steps>
void quantize_blocks(const float* x, Q* y, size_t n, const Steps& steps, int32_t zero_point) {
  const __m256i zp = _mm256_set1_epi16(static_cast<int16_t>(zero_point));
  store(y, quantize_block<Q>(x, steps, zp));
  size_t i = until_aligned(y);
  if (n >= kQuantizeStream) {
    for (; i + kBlock <= n; i += kBlock)
      _mm256_stream_si256(reinterpret_cast<__m256i*>(y + i), quantize_block<Q>(x + i, steps, zp));
    _mm_sfence();
  } else {
    for (; i + kBlock <= n; i += kBlock) store(y + i, quantize_block<Q>(x + i, steps, zp));
  }
  if (i < n) store(y + n - kBlock, quantize_block<Q>(x + n - kBlock, steps, zp));
}

template <class Q>
void quantize_all(const float* x, Q* y, size_t n, float scale, int32_t zero_point) {
  if (scale >= kReciprocalMin && scale <= kReciprocalMax)
    quantize_blocks(x, y, n, Reciprocal(scale, kMax<Q> - zero_point), zero_point);
  else
    quantize_blocks(x, y, n, Division(scale), zero_point);
}

// Rows in one go, for parameters that are loaded once serve all of them.
constexpr size_t kRows = 4;

template <size_t rows, class Q>
inline void quantize_lane_block(const float* x, Q* y, size_t stride, const float* scales,
                                const int32_t* zero_points) {
  const auto zps = [&](size_t at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(zero_points + at));
  };
  const __m256i zp_a = _mm256_packs_epi32(zps(0), zps(8));
  const __m256i zp_b = _mm256_packs_epi32(zps(16), zps(24));
  const __m256 scale[] = {_mm256_loadu_ps(scales), _mm256_loadu_ps(scales + 8), _mm256_loadu_ps(scales + 16),
                          _mm256_loadu_ps(scales + 24)};
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    const auto steps = [&](size_t k) { return divide(_mm256_loadu_ps(x + 8 * k), scale[k]); };
    const __m256i a = add_packed(steps(0), steps(1), zp_a);
    const __m256i b = add_packed(steps(2), steps(3), zp_b);
    store(y, in_order(pack(a, b, Q{})));
  }
}

template <size_t rows, class Q>
void quantize_rows(const float* x, Q* y, size_t stride, size_t n, const float* scales,
                   const int32_t* zero_points) {
  for (size_t i = 0; i + kBlock <= n; i += kBlock)
    quantize_lane_block<rows>(x + i, y + i, stride, scales + i, zero_points + i);
  if (n % kBlock != 0) {
    const size_t i = n - kBlock;
    quantize_lane_block<rows>(x + i, y + i, stride, scales + i, zero_points + i);
  }
}

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t rows, size_t stride, size_t n, const float* scales,
                    const int32_t* zero_points) {
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    quantize_rows<kRows>(x, y, stride, n, scales, zero_points);
  for (; rows > 0; --rows, x += stride, y += stride) quantize_rows<1>(x, y, stride, n, scales, zero_points);
}

constexpr size_t kStep = 8;

inline __m256i widen(const int8_t* x) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
}
inline __m256i widen(const uint8_t* x) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
}
inline __m256i widen(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }

template <class Q>
inline __m256 dequantize(const Q* x, __m256 scale, __m256i zero_point) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(widen(x), zero_point)), scale);
}

// At least kStep elements. The first and the last step overlap their neighbours, which write the same values.
template <class Q>
void dequantize_all(const Q* x, float* y, size_t n, float scale, int32_t zero_point) {
  const __m256 s = _mm256_set1_ps(scale);
  const __m256i zp = _mm256_set1_epi32(zero_point);
  _mm256_storeu_ps(y, dequantize(x, s, zp));
  size_t i = until_aligned(y);
  if (n >= kDequantizeStream) {
    for (; i + kStep <= n; i += kStep) _mm256_stream_ps(y + i, dequantize(x + i, s, zp));
    _mm_sfence();
  } else {
    for (; i + kStep <= n; i += kStep) _mm256_storeu_ps(y + i, dequantize(x + i, s, zp));
  }
  if (i < n) _mm256_storeu_ps(y + n - kStep, dequantize(x + n - kStep, s, zp));
}

template <size_t rows, class Q>
inline void dequantize_lane_step(const Q* x, float* y, size_t stride, const float* scales,
                                 const int32_t* zero_points) {
  const __m256 scale = _mm256_loadu_ps(scales);
  const __m256i zero_point = widen(zero_points);
  for (size_t row = 0; row < rows; ++row)
    _mm256_storeu_ps(y + row * stride, dequantize(x + row * stride, scale, zero_point));
}

template <size_t rows, class Q>
void dequantize_rows(const Q* x, float* y, size_t stride, size_t n, const float* scales,
                     const int32_t* zero_points) {
  for (size_t i = 0; i + kStep <= n; i += kStep)
    dequantize_lane_step<rows>(x + i, y + i, stride, scales + i, zero_points + i);
  if (n % kStep != 0) {
    const size_t i = n - kStep;
    dequantize_lane_step<rows>(x + i, y + i, stride, scales + i, zero_points + i);
  }
}

template <class Q>
void dequantize_lanes(const Q* x, float* y, size_t rows, size_t stride, size_t n, const float* scales,
                      const int32_t* zero_points) {
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    dequantize_rows<kRows>(x, y, stride, n, scales, zero_points);
  for (; rows > 0; --rows, x += stride, y += stride) dequantize_rows<1>(x, y, stride, n, scales, zero_points);
}

}  // namespace

void avx2::quantize_linear_s8(const float* x, int8_t* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::quantize_linear_s8(x, y, n, scale, zero_point);
  quantize_all(x, y, n, scale, zero_point);
}

void avx2::quantize_linear_u8(const float* x, uint8_t* y, size_t n, float scale, int32_t zero_point) {
  if (n < kBlock) return scalar::quantize_linear_u8(x, y, n, scale, zero_point);
  quantize_all(x, y, n, scale, zero_point);
}

void avx2::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t rows, size_t stride, size_t n,
                                    const float* scales, const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_s8(const int8_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kStep) return scalar::dequantize_linear_s8(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
}

void avx2::dequantize_linear_u8(const uint8_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kStep) return scalar::dequantize_linear_u8(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
}

void avx2::dequantize_linear_s32(const int32_t* x, float* y, size_t n, float scale, int32_t zero_point) {
  if (n < kStep) return scalar::dequantize_linear_s32(x, y, n, scale, zero_point);
  dequantize_all(x, y, n, scale, zero_point);
}

void avx2::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_s32(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

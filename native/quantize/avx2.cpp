#include <immintrin.h>

#include "../kernels.h"

namespace modelpress {
namespace {

constexpr size_t kBlock = 32;

// Outputs that no cache will keep go around it: a fourth less memory traffic, for the lines need not be read
// first.
constexpr size_t kStreamBytes = size_t{16} << 20;

// Beyond these a reciprocal or a remainder may be subnormal and lose bits.
constexpr float kReciprocalMin = 0x1p-100f;
constexpr float kReciprocalMax = 0x1p100f;

template <class Q>
constexpr int32_t kMin = 0;
template <>
constexpr int32_t kMin<int8_t> = -128;

struct Lanes16 {
  __m256i q;  // 16 x int16 in the order that packs leaves: 0-3 8-11 | 4-7 12-15
};

// The saturation of the packs is that of the operation: what comes in is right, or beyond the range on the
// right side.
inline __m256i pack(Lanes16 a, Lanes16 b, int8_t) { return _mm256_packs_epi16(a.q, b.q); }
inline __m256i pack(Lanes16 a, Lanes16 b, uint8_t) { return _mm256_packus_epi16(a.q, b.q); }

// Undoes what the two in-lane packs did to groups of four bytes.
inline __m256i in_order(__m256i q) {
  return _mm256_permutevar8x32_epi32(q, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// x / scale for a scale in [kReciprocalMin, kReciprocalMax], rounded to integers, one step beyond the range
// at most.
//
// The product with the reciprocal is corrected by its exact remainder. Where that still is not the rounded
// quotient, both round to the same integer: checked for every significand of a scale at every tie, and powers
// of two change nothing.
struct Reciprocal {
  __m256 scale, reciprocal, lo, hi;

  Reciprocal(float s, int32_t smallest)
      : scale(_mm256_set1_ps(s)),
        reciprocal(_mm256_set1_ps(1.0f / s)),
        lo(_mm256_set1_ps(static_cast<float>(smallest - 1) * s)),
        hi(_mm256_set1_ps(static_cast<float>(smallest + 256) * s)) {}

  __m256i operator()(const float* x) const {
    // Clamped first: the remainder of a quotient that overflows is no number. max returns its second operand
    // for a NaN.
    const __m256 v = _mm256_min_ps(_mm256_max_ps(_mm256_loadu_ps(x), lo), hi);
    const __m256 q = _mm256_mul_ps(v, reciprocal);
    const __m256 remainder = _mm256_fnmadd_ps(q, scale, v);
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(remainder, reciprocal, q));
  }
};

// Far enough out that every zero point leaves it beyond the range of every 8-bit type, near enough for int16.
constexpr float kFar = 1024.0f;

inline __m256i divide(__m256 x, __m256 scale) {
  const __m256 v = _mm256_div_ps(x, scale);
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-kFar)), _mm256_set1_ps(kFar)));
}

struct Division {
  __m256 scale;

  explicit Division(float s) : scale(_mm256_set1_ps(s)) {}

  __m256i operator()(const float* x) const { return divide(_mm256_loadu_ps(x), scale); }
};

template <class Q, class Steps>
inline __m256i quantize_block(const float* x, const Steps& steps, __m256i zero_point) {
  const Lanes16 a{_mm256_add_epi16(_mm256_packs_epi32(steps(x), steps(x + 8)), zero_point)};
  const Lanes16 b{_mm256_add_epi16(_mm256_packs_epi32(steps(x + 16), steps(x + 24)), zero_point)};
  return in_order(pack(a, b, Q{}));
}

inline void store(void* y, __m256i q) { _mm256_storeu_si256(static_cast<__m256i*>(y), q); }

// At least kBlock elements. The last block overlaps the one before it, which writes the same bytes again.
template <class Q, class Steps>
void quantize_blocks(const float* x, Q* y, size_t n, const Steps& steps, int32_t zero_point) {
  const __m256i zp = _mm256_set1_epi16(static_cast<int16_t>(zero_point));
  size_t i = 0;
  if (n >= kStreamBytes) {
    store(y, quantize_block<Q>(x, steps, zp));
    i = kBlock - (reinterpret_cast<uintptr_t>(y) & (kBlock - 1));
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
    quantize_blocks(x, y, n, Reciprocal(scale, kMin<Q> - zero_point), zero_point);
  else
    quantize_blocks(x, y, n, Division(scale), zero_point);
}

template <class Q>
inline void quantize_lane_block(const float* x, Q* y, const float* scales, const int32_t* zero_points) {
  const auto steps = [&](size_t at) { return divide(_mm256_loadu_ps(x + at), _mm256_loadu_ps(scales + at)); };
  const auto zps = [&](size_t at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(zero_points + at));
  };
  const auto both = [&](size_t at) {
    return Lanes16{_mm256_add_epi16(_mm256_packs_epi32(steps(at), steps(at + 8)),
                                    _mm256_packs_epi32(zps(at), zps(at + 8)))};
  };
  store(y, in_order(pack(both(0), both(16), Q{})));
}

template <class Q>
void quantize_lanes(const float* x, Q* y, size_t n, const float* scales, const int32_t* zero_points) {
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) quantize_lane_block(x + i, y + i, scales + i, zero_points + i);
  if (i < n) {
    i = n - kBlock;
    quantize_lane_block(x + i, y + i, scales + i, zero_points + i);
  }
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

// At least kStep elements; the last step overlaps the one before it.
template <class Q>
void dequantize_all(const Q* x, float* y, size_t n, float scale, int32_t zero_point) {
  const __m256 s = _mm256_set1_ps(scale);
  const __m256i zp = _mm256_set1_epi32(zero_point);
  size_t i = 0;
  if (n >= kStreamBytes / sizeof(float)) {
    _mm256_storeu_ps(y, dequantize(x, s, zp));
    i = kStep - (reinterpret_cast<uintptr_t>(y) / sizeof(float) & (kStep - 1));
    for (; i + kStep <= n; i += kStep) _mm256_stream_ps(y + i, dequantize(x + i, s, zp));
    _mm_sfence();
  } else {
    for (; i + kStep <= n; i += kStep) _mm256_storeu_ps(y + i, dequantize(x + i, s, zp));
  }
  if (i < n) _mm256_storeu_ps(y + n - kStep, dequantize(x + n - kStep, s, zp));
}

template <class Q>
inline void dequantize_lane_step(const Q* x, float* y, const float* scales, const int32_t* zero_points) {
  _mm256_storeu_ps(y, dequantize(x, _mm256_loadu_ps(scales), widen(zero_points)));
}

template <class Q>
void dequantize_lanes(const Q* x, float* y, size_t n, const float* scales, const int32_t* zero_points) {
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) dequantize_lane_step(x + i, y + i, scales + i, zero_points + i);
  if (i < n) {
    i = n - kStep;
    dequantize_lane_step(x + i, y + i, scales + i, zero_points + i);
  }
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

void avx2::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t n, const float* scales,
                                    const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_s8(x, y, n, scales, zero_points);
  quantize_lanes(x, y, n, scales, zero_points);
}

void avx2::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t n, const float* scales,
                                    const int32_t* zero_points) {
  if (n < kBlock) return scalar::quantize_linear_lanes_u8(x, y, n, scales, zero_points);
  quantize_lanes(x, y, n, scales, zero_points);
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

void avx2::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t n, const float* scales,
                                      const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_s8(x, y, n, scales, zero_points);
  dequantize_lanes(x, y, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t n, const float* scales,
                                      const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_u8(x, y, n, scales, zero_points);
  dequantize_lanes(x, y, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t n, const float* scales,
                                       const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_lanes_s32(x, y, n, scales, zero_points);
  dequantize_lanes(x, y, n, scales, zero_points);
}

}  // namespace modelpress

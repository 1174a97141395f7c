#include <immintrin.h>

#include "../ahead.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;
constexpr size_t kUnrolled = 8 * kStep;  // counting would cost as much as the work

// From these many elements on, results go around the cache: they would push each other out of it before
// anyone reads them, and a line that is not cached need not be read before it is written. Measured with 32 MB
// of cache; below, it costs.
constexpr size_t kStream = size_t{8} << 20;

inline __m128i load_8_bytes(const void* x) { return _mm_loadl_epi64(static_cast<const __m128i*>(x)); }
inline __m128i load_16_bytes(const void* x) { return _mm_loadu_si128(static_cast<const __m128i*>(x)); }

inline __m256i widen(const int8_t* x) { return _mm256_cvtepi8_epi32(load_8_bytes(x)); }
inline __m256i widen(const uint8_t* x) { return _mm256_cvtepu8_epi32(load_8_bytes(x)); }
inline __m256i widen(const int16_t* x) { return _mm256_cvtepi16_epi32(load_16_bytes(x)); }
inline __m256i widen(const uint16_t* x) { return _mm256_cvtepu16_epi32(load_16_bytes(x)); }
inline __m256i widen(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }

template <class Q>
inline __m256 dequantize(const Q* x, __m256 scale, __m256i zero_point) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(widen(x), zero_point)), scale);
}

inline bool aligned(const float* y, size_t bytes) {
  return (reinterpret_cast<uintptr_t>(y) & (bytes - 1)) == 0;
}

// How many elements of y come before the first one that lies on a multiple of these bytes; 1 at least.
inline size_t until_aligned(const float* y, size_t bytes) {
  return (bytes - (reinterpret_cast<uintptr_t>(y) & (bytes - 1))) / sizeof(float);
}

// Long rows are worked on in these many places in turn, a cache line of y at a time: up to 1.3 times as fast,
// measured.
constexpr size_t kPlaces = 4;
constexpr size_t kLongRow = size_t{1} << 20;

// Writes around the cache from the i-th element on, which is aligned; returns the first one that is left.
template <class Q>
size_t stream_places(const Q* x, float* y, size_t i, size_t n, __m256 scale, __m256i zero_point) {
  const auto put = [&](size_t at) { _mm256_stream_ps(y + at, dequantize(x + at, scale, zero_point)); };
  constexpr size_t line = 2 * kStep;
  if (!aligned(y + i, line * sizeof(float))) {
    put(i);
    i += kStep;
  }
  const size_t place = (n - i) / kPlaces / line * line;
  for (const size_t end = i + place; i < end; i += line)
    for (size_t at = i; at < i + kPlaces * place; at += place) {
      put(at);
      put(at + kStep);
    }
  return i + (kPlaces - 1) * place;
}

// At least kStep elements. The first and the last step overlap their neighbours, which write the same values.
template <class Q>
void dequantize_row(const Q* x, float* y, size_t n, float scale, int32_t zero_point, bool around) {
  const __m256 s = _mm256_set1_ps(scale);
  const __m256i zp = _mm256_set1_epi32(zero_point);
  _mm256_storeu_ps(y, dequantize(x, s, zp));
  size_t i = until_aligned(y, sizeof(__m256));
  if (around) {
    if (n >= kLongRow) i = stream_places(x, y, i, n, s, zp);
    for (; i + kUnrolled <= n; i += kUnrolled)
      for (size_t k = 0; k < kUnrolled; k += kStep) _mm256_stream_ps(y + i + k, dequantize(x + i + k, s, zp));
    for (; i + kStep <= n; i += kStep) _mm256_stream_ps(y + i, dequantize(x + i, s, zp));
  } else {
    for (; i + kUnrolled <= n; i += kUnrolled)
      for (size_t k = 0; k < kUnrolled; k += kStep) _mm256_storeu_ps(y + i + k, dequantize(x + i + k, s, zp));
    for (; i + kStep <= n; i += kStep) _mm256_storeu_ps(y + i, dequantize(x + i, s, zp));
  }
  if (i < n) _mm256_storeu_ps(y + n - kStep, dequantize(x + n - kStep, s, zp));
}

template <class Q>
void dequantize_rows(const Q* x, float* y, size_t rows, size_t n, const float* scales,
                     const int32_t* zero_points) {
  const bool around = rows * n >= kStream && aligned(y, sizeof(float));
  for (size_t row = 0; row < rows; ++row, x += n, y += n)
    dequantize_row(x, y, n, scales[row], zero_points[row], around);
  if (around) _mm_sfence();
}

// Rows in one go, for parameters that are loaded once serve all of them.
constexpr size_t kRows = 4;
// A cache line of y: in halves, among those of other rows, it would go to memory twice.
constexpr size_t kLanes = 2 * kStep;

template <size_t rows, class Q>
inline void dequantize_lane_lines(const Q* x, float* y, size_t stride, const float* scales,
                                  const int32_t* zero_points, bool around) {
  const __m256 scale[] = {_mm256_loadu_ps(scales), _mm256_loadu_ps(scales + kStep)};
  const __m256i zero_point[] = {widen(zero_points), widen(zero_points + kStep)};
  for (size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    const __m256 a = dequantize(x, scale[0], zero_point[0]);
    const __m256 b = dequantize(x + kStep, scale[1], zero_point[1]);
    if (around) {
      _mm256_stream_ps(y, a);
      _mm256_stream_ps(y + kStep, b);
    } else {
      _mm256_storeu_ps(y, a);
      _mm256_storeu_ps(y + kStep, b);
    }
  }
}

template <size_t rows, class Q>
inline void dequantize_lane_rows(const Q* x, float* y, size_t stride, size_t n, const float* scales,
                                 const int32_t* zero_points, bool around) {
  Ahead<Q> ahead(x + rows * stride, stride, n);
  const auto lines = [&](size_t i, bool whole) {
    ahead.fetch(rows * kLanes);
    dequantize_lane_lines<rows>(x + i, y + i, stride, scales + i, zero_points + i, whole);
  };
  lines(0, false);
  size_t i = until_aligned(y, kLanes * sizeof(float));
  for (; i + kLanes <= n; i += kLanes) lines(i, around);
  if (i < n) lines(n - kLanes, false);
}

template <class Q>
void dequantize_lanes(const Q* x, float* y, size_t rows, size_t stride, size_t n, const float* scales,
                      const int32_t* zero_points) {
  const bool around =
      rows * n >= kStream && aligned(y, sizeof(float)) && stride * sizeof(float) % sizeof(__m256) == 0;
  for (; rows >= kRows; rows -= kRows, x += kRows * stride, y += kRows * stride)
    dequantize_lane_rows<kRows>(x, y, stride, n, scales, zero_points, around);
  for (; rows > 0; --rows, x += stride, y += stride)
    dequantize_lane_rows<1>(x, y, stride, n, scales, zero_points, around);
  if (around) _mm_sfence();
}

}  // namespace

void avx2::dequantize_linear_s8(const int8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_s8(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::dequantize_linear_u8(const uint8_t* x, float* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_u8(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::dequantize_linear_s16(const int16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_s16(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::dequantize_linear_u16(const uint16_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_u16(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::dequantize_linear_s32(const int32_t* x, float* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (n < kStep) return scalar::dequantize_linear_s32(x, y, rows, n, scales, zero_points);
  dequantize_rows(x, y, rows, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_s8(const int8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kLanes) return scalar::dequantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_u8(const uint8_t* x, float* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (n < kLanes) return scalar::dequantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_s16(const int16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kLanes) return scalar::dequantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_u16(const uint16_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kLanes) return scalar::dequantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

void avx2::dequantize_linear_lanes_s32(const int32_t* x, float* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (n < kLanes) return scalar::dequantize_linear_lanes_s32(x, y, rows, stride, n, scales, zero_points);
  dequantize_lanes(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

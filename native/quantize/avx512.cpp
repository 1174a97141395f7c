#include "avx512_vector.h"
#include "lanes.h"
#include "rows.h"

namespace modelpress {
namespace {

// Too little for a vector, or so much that it goes around the cache: there the memory is the limit, and took
// 1.2 times as much from AVX2's vectors, 1.4 times where rows are lanes, measured.
template <class Q>
inline bool is_for_avx2(size_t rows, size_t n) {
  return n < kBlock<Avx512, Q> || rows * n >= kStream;
}

}  // namespace

void avx512::quantize_linear_s8(const float* x, int8_t* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (is_for_avx2<int8_t>(rows, n)) return avx2::quantize_linear_s8(x, y, rows, n, scales, zero_points);
  quantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::quantize_linear_u8(const float* x, uint8_t* y, size_t rows, size_t n, const float* scales,
                                const int32_t* zero_points) {
  if (is_for_avx2<uint8_t>(rows, n)) return avx2::quantize_linear_u8(x, y, rows, n, scales, zero_points);
  quantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::quantize_linear_s16(const float* x, int16_t* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (is_for_avx2<int16_t>(rows, n)) return avx2::quantize_linear_s16(x, y, rows, n, scales, zero_points);
  quantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::quantize_linear_u16(const float* x, uint16_t* y, size_t rows, size_t n, const float* scales,
                                 const int32_t* zero_points) {
  if (is_for_avx2<uint16_t>(rows, n)) return avx2::quantize_linear_u16(x, y, rows, n, scales, zero_points);
  quantize_rows<Avx512>(x, y, rows, n, scales, zero_points);
}

void avx512::quantize_linear_lanes_s8(const float* x, int8_t* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (is_for_avx2<int8_t>(rows, n))
    return avx2::quantize_linear_lanes_s8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::quantize_linear_lanes_u8(const float* x, uint8_t* y, size_t rows, size_t stride, size_t n,
                                      const float* scales, const int32_t* zero_points) {
  if (is_for_avx2<uint8_t>(rows, n))
    return avx2::quantize_linear_lanes_u8(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::quantize_linear_lanes_s16(const float* x, int16_t* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (is_for_avx2<int16_t>(rows, n))
    return avx2::quantize_linear_lanes_s16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

void avx512::quantize_linear_lanes_u16(const float* x, uint16_t* y, size_t rows, size_t stride, size_t n,
                                       const float* scales, const int32_t* zero_points) {
  if (is_for_avx2<uint16_t>(rows, n))
    return avx2::quantize_linear_lanes_u16(x, y, rows, stride, n, scales, zero_points);
  quantize_lanes<Avx512>(x, y, rows, stride, n, scales, zero_points);
}

}  // namespace modelpress

#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// A matrix each of whose columns is cut into blocks of `block` rows, a power of two from 16 to 256; the last
// may be shorter. Its values lie row after row, or column after column if it is transposed.
constexpr size_t kLargestBlock = 256;
struct BlockwiseLayout {
  size_t rows, cols, block;
  int bits;  // 4 or 8
  bool transposed;
};

// Columns [begin, end) of w as onnxruntime's MatMulNBits holds them, column after column: packed with room
// for whole blocks, two 4-bit steps per byte; scales, one per block; zero_points, packed likewise, or null
// for 2^(bits-1) everywhere. With the range of a block, NaN ignored:
//   with zero points, over the range and 0: scale = (max - min) / (2^bits - 1), zero point = round(-min /
//   scale) without: scale = -far / 2^(bits-1), where far is max if |max| > |min|, else min; both are the
//   first of equals step = round(w * (1 / scale) + zero point) in [0, 2^bits - 1], ties away from zero, NaN
//   to 0
// 1 / scale is 0 for a scale of 0. Steps of missing rows are 0, but after an odd number of rows the last high
// half repeats the one before it in the same pair of blocks; a missing zero point is 8.
using QuantizeBlockwise = void(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                               const BlockwiseLayout& layout, size_t begin, size_t end);

// w = (step - zero point) * scale. A NaN in w is 0x7fc00000.
using DequantizeBlockwise = void(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                 float* w, const BlockwiseLayout& layout, size_t begin, size_t end);

namespace scalar {
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
}  // namespace scalar
namespace avx2 {
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
}  // namespace avx2
namespace avx512 {
QuantizeBlockwise quantize_blockwise;
}  // namespace avx512
namespace neon {
QuantizeBlockwise quantize_blockwise;
DequantizeBlockwise dequantize_blockwise;
}  // namespace neon

}  // namespace modelpress

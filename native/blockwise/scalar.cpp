#include <cstring>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;
constexpr uint32_t kFloatNaN = 0x7fc00000;

inline float magnitude(float v) { return v < 0.0f ? -v : v; }

// To [0, most], NaN to 0, then to the nearest integer with ties away from zero: the largest float below 0.5
// takes every tie up, and nothing that is less than a tie.
inline uint8_t step_of(float v, float most) {
  v = v > 0.0f ? v : 0.0f;
  v = v < most ? v : most;
  return static_cast<uint8_t>(v + 0x1.fffffep-2f);
}

// NaN only if the scale is not finite, and then its bits would be the processor's choice.
inline float product(float a, float b) {
  float v = a * b;
  if (v != v) std::memcpy(&v, &kFloatNaN, sizeof(v));
  return v;
}

struct Params {
  float scale;
  uint8_t zero_point;
};

// The end of the range that is farther from 0 becomes step 0.
inline Params symmetric_params(float min, float max, int mid) {
  const float far = magnitude(max) > magnitude(min) ? max : min;
  return {-far / static_cast<float>(mid), static_cast<uint8_t>(mid)};
}

inline Params asymmetric_params(float min, float max, float most) {
  min = 0.0f < min ? 0.0f : min;
  max = max < 0.0f ? 0.0f : max;
  const float scale = (max - min) / most;
  return {scale, step_of(scale != 0.0f ? 0.0f - min / scale : min, most)};
}

// Where a matrix and what it becomes lie in memory.
struct Strides {
  size_t row, col, blocks, bytes, zero_point_bytes;

  explicit Strides(const BlockwiseLayout& layout)
      : row(layout.transposed ? 1 : layout.cols),
        col(layout.transposed ? layout.rows : 1),
        blocks((layout.rows + layout.block - 1) / layout.block),
        bytes(blocks * layout.block * layout.bits / 8),
        zero_point_bytes((blocks * layout.bits + 7) / 8) {}
};

// Element i of a column's steps or zero points. A high half that no element takes has been set before.
inline void put(uint8_t* y, size_t i, int bits, uint8_t value) {
  if (bits == 8)
    y[i] = value;
  else if (i % 2 != 0)
    y[i / 2] = static_cast<uint8_t>((y[i / 2] & 15) | value << 4);
  else
    y[i / 2] = static_cast<uint8_t>((y[i / 2] & 240) | value);
}

inline int get(const uint8_t* x, size_t i, int bits) {
  return bits == 8 ? x[i] : x[i / 2] >> (i % 2 != 0 ? 4 : 0) & 15;
}

}  // namespace

void scalar::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                                const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Strides strides(layout);
  const int bits = layout.bits;
  const int mid = 1 << (bits - 1);
  const float most = static_cast<float>(2 * mid - 1);
  for (size_t block = 0; block < strides.blocks; ++block) {
    const size_t first = block * layout.block;
    const size_t last = first + layout.block < layout.rows ? first + layout.block : layout.rows;
    for (size_t col = begin; col < end; ++col) {
      const float* x = w + col * strides.col;
      float min = kLargest;
      float max = -kLargest;
      for (size_t row = first; row < last; ++row) {
        const float v = x[row * strides.row];
        min = v < min ? v : min;
        max = v > max ? v : max;
      }
      const Params params = zero_points ? asymmetric_params(min, max, most) : symmetric_params(min, max, mid);
      scales[col * strides.blocks + block] = params.scale;
      if (zero_points) {
        uint8_t* points = zero_points + col * strides.zero_point_bytes;
        if (bits == 4 && block % 2 == 0) points[block / 2] = 0x80;
        put(points, block, bits, params.zero_point);
      }

      uint8_t* y = packed + col * strides.bytes;
      std::memset(y + first * bits / 8, 0, layout.block * bits / 8);
      const float reciprocal = params.scale != 0.0f ? 1.0f / params.scale : 0.0f;
      for (size_t row = first; row < last; ++row)
        put(y, row, bits, step_of(x[row * strides.row] * reciprocal + params.zero_point, most));
      // onnxruntime takes the blocks in pairs, and leaves what it wrote last in the half that no row takes.
      if (bits == 4 && last % 2 != 0 && last % (2 * layout.block) != 1)
        put(y, last, bits, y[last / 2 - 1] >> 4);
    }
  }
}

void scalar::dequantize_blockwise(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                  float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Strides strides(layout);
  for (size_t block = 0; block < strides.blocks; ++block) {
    const size_t first = block * layout.block;
    const size_t last = first + layout.block < layout.rows ? first + layout.block : layout.rows;
    for (size_t col = begin; col < end; ++col) {
      const uint8_t* x = packed + col * strides.bytes;
      const float scale = scales[col * strides.blocks + block];
      const int zero_point = zero_points
                                 ? get(zero_points + col * strides.zero_point_bytes, block, layout.bits)
                                 : 1 << (layout.bits - 1);
      float* y = w + col * strides.col;
      for (size_t row = first; row < last; ++row)
        y[row * strides.row] = product(static_cast<float>(get(x, row, layout.bits) - zero_point), scale);
    }
  }
}

}  // namespace modelpress

#include "kernels.h"

namespace modelpress {
namespace {

// To [0, most], NaN to 0, then to the nearest integer with ties away from zero: the largest float below 0.5
// takes every tie up, and nothing that is less than a tie.
inline uint8_t step_of(float v, float most) {
  v = v > 0.0f ? v : 0.0f;
  v = v < most ? v : most;
  return static_cast<uint8_t>(v + 0x1.fffffep-2f);
}

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

inline float magnitude(float v) { return v < 0.0f ? -v : v; }

// A block in steps of its old scale.
struct Block {
  const float* u;
  size_t count;
  float zero_point, most;

  uint8_t step(size_t i, float factor) const { return step_of(u[i] * factor + zero_point, most); }
  float level(size_t i, float factor) const { return static_cast<float>(step(i, factor)) - zero_point; }

  // 0 if there is none.
  float best_factor() const {
    float best = 0.0f;
    float found = 0.0f;
    for (int k = 0; k < kFitFactors; ++k) {
      const float factor = fit_factor(k);
      float a = 0.0f;
      float b = 0.0f;
      for (size_t i = 0; i < count; ++i) {
        const float l = level(i, factor);
        const float p = magnitude(u[i]) + 0.5f;
        a += p * u[i] * l;
        b += p * l * l;
      }
      const float score = a * a / b;
      if (!(score > best)) continue;
      best = score;
      found = factor;
    }
    return found;
  }

  // With it the levels are as large as the values, on the average over them.
  float ratio(float factor) const {
    float c = 0.0f;
    float d = 0.0f;
    for (size_t i = 0; i < count; ++i) {
      c += u[i] * level(i, factor);
      d += u[i] * u[i];
    }
    return d / c;
  }
};

}  // namespace

void scalar::fit_blockwise(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                           const BlockwiseLayout& layout, size_t begin, size_t end) {
  const int bits = layout.bits;
  const float most = static_cast<float>((1 << bits) - 1);
  const size_t row_stride = layout.transposed ? 1 : layout.cols;
  const size_t col_stride = layout.transposed ? layout.rows : 1;
  const size_t blocks = (layout.rows + layout.block - 1) / layout.block;
  float u[kLargestBlock];
  for (size_t block = 0; block < blocks; ++block) {
    const size_t first = block * layout.block;
    const size_t count = first + layout.block < layout.rows ? layout.block : layout.rows - first;
    for (size_t col = begin; col < end; ++col) {
      const float* x = w + col * col_stride + first * row_stride;
      float& scale = scales[col * blocks + block];
      const int point =
          zero_points ? get(zero_points + col * ((blocks * bits + 7) / 8), block, bits) : 1 << (bits - 1);
      const float per_step = scale != 0.0f ? 1.0f / scale : 0.0f;
      for (size_t i = 0; i < count; ++i) u[i] = x[i * row_stride] * per_step;
      const Block fitted{u, count, static_cast<float>(point), most};
      const float factor = fitted.best_factor();
      const float ratio = fitted.ratio(factor);
      if (!(factor > 0.0f && ratio > 0.5f && ratio < 2.0f)) continue;

      scale *= ratio;
      uint8_t* y = packed + (col * blocks + block) * (layout.block * bits / 8);
      for (size_t i = 0; i < count; ++i) put(y, i, bits, fitted.step(i, factor));
    }
  }
}

}  // namespace modelpress

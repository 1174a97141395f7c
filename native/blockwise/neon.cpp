#include "neon.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;

// Of 4 columns.
struct Range {
  float32x4_t min = vdupq_n_f32(kLargest);
  float32x4_t max = vdupq_n_f32(-kLargest);

  // What is there stays where v is not less, or not greater: NaN, and the sign of a zero that came later.
  void fold(float32x4_t v) {
    min = vbslq_f32(vcltq_f32(v, min), v, min);
    max = vbslq_f32(vcgtq_f32(v, max), v, max);
  }
};

// To the nearest integer up to most, ties away from zero: the largest float below 0.5 takes every tie up, and
// nothing that is less than a tie. The conversion makes 0 of NaN and of what is negative, and saturates.
inline uint32x4_t steps_of(float32x4_t v, uint32_t most) {
  return vminq_u32(vcvtq_u32_f32(vaddq_f32(v, vdupq_n_f32(0x1.fffffep-2f))), vdupq_n_u32(most));
}

struct Params {
  float32x4_t scale;
  uint32x4_t zero_point;
};

template <int kBits>
inline Params symmetric_params(const Range& range) {
  constexpr uint32_t kMid = 1 << (kBits - 1);
  const uint32x4_t is_max = vcgtq_f32(vabsq_f32(range.max), vabsq_f32(range.min));
  const float32x4_t far = vbslq_f32(is_max, range.max, range.min);
  return {vmulq_f32(far, vdupq_n_f32(-1.0f / kMid)), vdupq_n_u32(kMid)};
}

template <int kBits>
inline Params asymmetric_params(const Range& range) {
  constexpr uint32_t kMost = (1 << kBits) - 1;
  const float32x4_t zero = vdupq_n_f32(0.0f);
  const float32x4_t min = vbslq_f32(vcltq_f32(zero, range.min), zero, range.min);
  const float32x4_t max = vbslq_f32(vcltq_f32(range.max, zero), zero, range.max);
  const float32x4_t scale = vdivq_f32(vsubq_f32(max, min), vdupq_n_f32(kMost));
  const uint32x4_t point = steps_of(vsubq_f32(zero, vdivq_f32(min, scale)), kMost);
  return {scale, vbicq_u32(point, vceqq_f32(scale, zero))};
}

// round(w * reciprocal + zero point) of one block of each of 4 columns.
template <int kBits>
struct Steps {
  float32x4_t reciprocal, zero_point;

  uint32x4_t row(const float* values) const {
    const float32x4_t v = vaddq_f32(vmulq_f32(vld1q_f32(values), reciprocal), zero_point);
    return steps_of(v, (1 << kBits) - 1);
  }

  // 32 / kBits rows, a word per column.
  uint32x4_t word(const float* values, size_t stride) const {
    const auto q = [&](size_t i) { return row(values + i * stride); };
    if (kBits == 8) {
      const uint32x4_t low = vsliq_n_u32(q(0), q(1), 8);
      return vsliq_n_u32(low, vsliq_n_u32(q(2), q(3), 8), 16);
    }
    const uint32x4_t a = vsliq_n_u32(q(0), q(1), 4);
    const uint32x4_t b = vsliq_n_u32(q(2), q(3), 4);
    const uint32x4_t c = vsliq_n_u32(q(4), q(5), 4);
    const uint32x4_t d = vsliq_n_u32(q(6), q(7), 4);
    return vsliq_n_u32(vsliq_n_u32(a, b, 8), vsliq_n_u32(c, d, 8), 16);
  }

  void store(const float* values, size_t stride, size_t rows, uint8_t* y, size_t bytes) const {
    constexpr size_t kRows = 32 / kBits;
    const size_t count = rows < 4 * kRows ? rows / kRows : 4;
    for (size_t first = 0; first < rows; first += count * kRows, y += 16) {
      uint32x4_t words[4] = {};
      for (size_t k = 0; k < count; ++k) words[k] = word(values + (first + k * kRows) * stride, stride);
      transpose(words);
      for (size_t k = 0; k < 4; ++k) {
        const uint8x16_t column = vreinterpretq_u8_u32(words[k]);
        if (count == 4)
          vst1q_u8(y + k * bytes, column);
        else
          vst1_u8(y + k * bytes, vget_low_u8(column));
      }
    }
  }
};

template <int kBits>
inline void store_params(const Params& params, size_t block, const Strides& strides, const Output& y) {
  float scale[4];
  uint32_t point[4];
  vst1q_f32(scale, params.scale);
  vst1q_u32(point, params.zero_point);
  for (size_t k = 0; k < 4; ++k) {
    y.scales[k * strides.blocks + block] = scale[k];
    if (y.zero_points) put_zero_point<kBits>(y.zero_points + k * strides.zero_point_bytes, block, point[k]);
  }
}

// One block of each of 4 columns.
template <int kBits>
inline void quantize_block(const Range& range, const float* values, size_t stride, size_t block,
                           const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  const Params params = y.zero_points ? asymmetric_params<kBits>(range) : symmetric_params<kBits>(range);
  store_params<kBits>(params, block, strides, y);
  const float32x4_t zero = vdupq_n_f32(0.0f);
  const float32x4_t reciprocal =
      vbslq_f32(vceqq_f32(params.scale, zero), zero, vdivq_f32(vdupq_n_f32(1.0f), params.scale));
  const Steps<kBits> steps{reciprocal, vcvtq_f32_u32(params.zero_point)};
  steps.store(values, stride, layout.block, y.packed + block * strides.block_bytes, strides.bytes);
}

// The last block where it is not whole: what follows the rows is as the contract says.
template <int kBits>
void quantize_rest(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  const size_t block = strides.blocks - 1;
  const size_t first = block * layout.block;
  const size_t rows = layout.rows - first;
  const size_t row_stride = layout.transposed ? 1 : layout.cols;
  const size_t col_stride = layout.transposed ? layout.rows : 1;
  float values[kLargestBlock * 4] = {};
  Range range;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < 4; ++k) values[4 * row + k] = w[(first + row) * row_stride + k * col_stride];
    range.fold(vld1q_f32(values + 4 * row));
  }
  quantize_block<kBits>(range, values, 4, block, layout, strides, y);
  for (size_t k = 0; k < 4; ++k) {
    uint8_t* column = y.packed + k * strides.bytes;
    for (size_t i = (layout.rows * kBits + 7) / 8; i < strides.bytes; ++i) column[i] = 0;
    settle_last_half(column, layout);
  }
}

// 4 columns side by side in rows.
template <int kBits>
void quantize_rows(const float* w, size_t block, const BlockwiseLayout& layout, const Strides& strides,
                   const Output& y) {
  const float* values = w + block * layout.block * layout.cols;
  Range range;
  for (size_t row = 0; row < layout.block; ++row) range.fold(vld1q_f32(values + row * layout.cols));
  quantize_block<kBits>(range, values, layout.cols, block, layout, strides, y);
}

// 4 columns that lie one after the other, turned into rows.
template <int kBits>
void quantize_cols(const float* w, size_t block, const BlockwiseLayout& layout, const Strides& strides,
                   const Output& y) {
  float values[kLargestBlock * 4];
  Range range;
  for (size_t row = 0; row < layout.block; row += 4) {
    uint32x4_t r[4];
    for (size_t k = 0; k < 4; ++k)
      r[k] = vreinterpretq_u32_f32(vld1q_f32(w + k * layout.rows + block * layout.block + row));
    transpose(r);
    for (size_t k = 0; k < 4; ++k) {
      const float32x4_t v = vreinterpretq_f32_u32(r[k]);
      range.fold(v);
      vst1q_f32(values + 4 * (row + k), v);
    }
  }
  quantize_block<kBits>(range, values, 4, block, layout, strides, y);
}

template <int kBits>
void quantize(const float* w, const BlockwiseLayout& layout, const Output& y, size_t begin, size_t end) {
  const Strides strides(layout);
  const size_t whole = layout.rows / layout.block;
  if (layout.transposed) {
    for (size_t col = begin; col < end; col += 4)
      for (size_t block = 0; block < whole; ++block)
        quantize_cols<kBits>(w + col * layout.rows, block, layout, strides, y.at(col, strides));
  } else {
    for (size_t block = 0; block < whole; ++block)
      for (size_t col = begin; col < end; col += 4)
        quantize_rows<kBits>(w + col, block, layout, strides, y.at(col, strides));
  }
  if (layout.rows % layout.block == 0) return;
  for (size_t col = begin; col < end; col += 4)
    quantize_rest<kBits>(w + col * (layout.transposed ? layout.rows : 1), layout, strides,
                         y.at(col, strides));
}

}  // namespace

void neon::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                              const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = begin + (end - begin) / 4 * 4;
  const Output y{packed, scales, zero_points};
  if (layout.bits == 4)
    quantize<4>(w, layout, y, begin, rest);
  else
    quantize<8>(w, layout, y, begin, rest);
  scalar::quantize_blockwise(w, packed, scales, zero_points, layout, rest, end);
}

}  // namespace modelpress

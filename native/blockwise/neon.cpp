#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;
constexpr uint32_t kFloatNaN = 0x7fc00000;
constexpr size_t kLargestBlock = 256;

// What a column takes in each of the arrays.
struct Strides {
  size_t blocks, block_bytes, bytes, zero_point_bytes;

  explicit Strides(const BlockwiseLayout& layout)
      : blocks((layout.rows + layout.block - 1) / layout.block),
        block_bytes(layout.block * layout.bits / 8),
        bytes(blocks * block_bytes),
        zero_point_bytes((blocks * layout.bits + 7) / 8) {}
};

// Where the results go.
struct Output {
  uint8_t* packed;
  float* scales;
  uint8_t* zero_points;

  Output at(size_t col, const Strides& strides) const {
    return {packed + col * strides.bytes, scales + col * strides.blocks,
            zero_points ? zero_points + col * strides.zero_point_bytes : nullptr};
  }
};

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

inline void transpose(uint32x4_t (&w)[4]) {
  const uint64x2_t a = vreinterpretq_u64_u32(vtrn1q_u32(w[0], w[1]));
  const uint64x2_t b = vreinterpretq_u64_u32(vtrn2q_u32(w[0], w[1]));
  const uint64x2_t c = vreinterpretq_u64_u32(vtrn1q_u32(w[2], w[3]));
  const uint64x2_t d = vreinterpretq_u64_u32(vtrn2q_u32(w[2], w[3]));
  w[0] = vreinterpretq_u32_u64(vtrn1q_u64(a, c));
  w[1] = vreinterpretq_u32_u64(vtrn1q_u64(b, d));
  w[2] = vreinterpretq_u32_u64(vtrn2q_u64(a, c));
  w[3] = vreinterpretq_u32_u64(vtrn2q_u64(b, d));
}

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
    if (!y.zero_points) continue;
    uint8_t* p = y.zero_points + k * strides.zero_point_bytes + block * kBits / 8;
    if (kBits == 8)
      *p = static_cast<uint8_t>(point[k]);
    else
      *p = static_cast<uint8_t>(block % 2 == 0 ? point[k] | 0x80 : (*p & 15) | point[k] << 4);
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
    if (kBits == 8 || rows % 2 == 0) continue;
    uint8_t* last = column + layout.rows / 2;
    const bool is_first = layout.rows % (2 * layout.block) == 1;
    *last = static_cast<uint8_t>((*last & 15) | (is_first ? 0 : last[-1] & 240));
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

// (step - zero point) * scale. NaN only if the scale is not finite, and then its bits would be the
// processor's choice.
inline float32x4_t product(uint32x4_t q, int32x4_t zero_point, float32x4_t scale) {
  const int32x4_t difference = vsubq_s32(vreinterpretq_s32_u32(q), zero_point);
  const float32x4_t v = vmulq_f32(vcvtq_f32_s32(difference), scale);
  return vbslq_f32(vceqq_f32(v, v), v, vreinterpretq_f32_u32(vdupq_n_u32(kFloatNaN)));
}

template <int kBits>
inline int32_t zero_point_of(const uint8_t* points, size_t block) {
  if (!points) return 1 << (kBits - 1);
  return kBits == 8 ? points[block] : points[block / 2] >> (block % 2 != 0 ? 4 : 0) & 15;
}

struct Input {
  const uint8_t* packed;
  const float* scales;
  const uint8_t* zero_points;

  Input at(size_t col, const Strides& strides) const {
    return {packed + col * strides.bytes, scales + col * strides.blocks,
            zero_points ? zero_points + col * strides.zero_point_bytes : nullptr};
  }
};

// One block of each of 4 columns side by side.
template <int kBits>
void dequantize_rows(const Input& x, float* w, const BlockwiseLayout& layout, const Strides& strides,
                     size_t block) {
  constexpr size_t kRows = 32 / kBits;
  float scales[4];
  int32_t points[4];
  for (size_t k = 0; k < 4; ++k) {
    const Input column = x.at(k, strides);
    scales[k] = column.scales[block];
    points[k] = zero_point_of<kBits>(column.zero_points, block);
  }
  const float32x4_t scale = vld1q_f32(scales);
  const int32x4_t point = vld1q_s32(points);
  const size_t last = (block + 1) * layout.block < layout.rows ? (block + 1) * layout.block : layout.rows;
  const size_t count = layout.block < 4 * kRows ? layout.block / kRows : 4;
  for (size_t row = block * layout.block; row < last;) {
    uint32x4_t words[4];
    for (size_t k = 0; k < 4; ++k) {
      const uint8_t* p = x.packed + k * strides.bytes + row * kBits / 8;
      words[k] = vreinterpretq_u32_u8(count == 4 ? vld1q_u8(p) : vcombine_u8(vld1_u8(p), vdup_n_u8(0)));
    }
    transpose(words);
    for (size_t k = 0; k < count; ++k)
      for (size_t i = 0; i < kRows && row < last; ++i, ++row) {
        const uint32x4_t q = vandq_u32(words[k], vdupq_n_u32((1 << kBits) - 1));
        words[k] = vshrq_n_u32(words[k], kBits);
        vst1q_f32(w + row * layout.cols, product(q, point, scale));
      }
  }
}

// 16 steps in order, a byte each.
template <int kBits>
inline uint8x16_t steps16(const uint8_t* x) {
  if (kBits == 8) return vld1q_u8(x);
  const uint8x8_t bytes = vld1_u8(x);
  const uint8x8x2_t steps = vzip_u8(vand_u8(bytes, vdup_n_u8(15)), vshr_n_u8(bytes, 4));
  return vcombine_u8(steps.val[0], steps.val[1]);
}

// One column whose values lie one after the other.
template <int kBits>
void dequantize_col(const Input& x, float* w, const BlockwiseLayout& layout) {
  for (size_t first = 0, block = 0; first < layout.rows; first += layout.block, ++block) {
    const float32x4_t scale = vdupq_n_f32(x.scales[block]);
    const int32x4_t point = vdupq_n_s32(zero_point_of<kBits>(x.zero_points, block));
    const size_t last = first + layout.block < layout.rows ? first + layout.block : layout.rows;
    for (size_t row = first; row < last; row += 16) {
      const uint8x16_t q = steps16<kBits>(x.packed + row * kBits / 8);
      const uint16x8_t low = vmovl_u8(vget_low_u8(q));
      const uint16x8_t high = vmovl_u8(vget_high_u8(q));
      float rest[16];
      float* y = row + 16 <= last ? w + row : rest;
      vst1q_f32(y, product(vmovl_u16(vget_low_u16(low)), point, scale));
      vst1q_f32(y + 4, product(vmovl_u16(vget_high_u16(low)), point, scale));
      vst1q_f32(y + 8, product(vmovl_u16(vget_low_u16(high)), point, scale));
      vst1q_f32(y + 12, product(vmovl_u16(vget_high_u16(high)), point, scale));
      if (y == rest)
        for (size_t i = 0; row + i < last; ++i) w[row + i] = rest[i];
    }
  }
}

template <int kBits>
void dequantize(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Strides strides(layout);
  if (layout.transposed) {
    for (size_t col = begin; col < end; ++col)
      dequantize_col<kBits>(x.at(col, strides), w + col * layout.rows, layout);
    return;
  }
  for (size_t block = 0; block < strides.blocks; ++block)
    for (size_t col = begin; col < end; col += 4)
      dequantize_rows<kBits>(x.at(col, strides), w + col, layout, strides, block);
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

void neon::dequantize_blockwise(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = layout.transposed ? end : begin + (end - begin) / 4 * 4;
  const Input x{packed, scales, zero_points};
  if (layout.bits == 4)
    dequantize<4>(x, w, layout, begin, rest);
  else
    dequantize<8>(x, w, layout, begin, rest);
  scalar::dequantize_blockwise(packed, scales, zero_points, w, layout, rest, end);
}

}  // namespace modelpress

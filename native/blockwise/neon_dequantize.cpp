#include "neon.h"

namespace modelpress {
namespace {

constexpr uint32_t kFloatNaN = 0x7fc00000;

// (step - zero point) * scale. NaN only if the scale is not finite, and then its bits would be the
// processor's choice.
inline float32x4_t product(uint32x4_t q, int32x4_t zero_point, float32x4_t scale) {
  const int32x4_t difference = vsubq_s32(vreinterpretq_s32_u32(q), zero_point);
  const float32x4_t v = vmulq_f32(vcvtq_f32_s32(difference), scale);
  return vbslq_f32(vceqq_f32(v, v), v, vreinterpretq_f32_u32(vdupq_n_u32(kFloatNaN)));
}

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

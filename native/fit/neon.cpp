#include <arm_neon.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kLargestBlock = 256;

// Factors that are tried side by side, so that no sum waits for itself.
constexpr int kAbreast = 4;

// One block of each of 4 columns, row after row: values, then steps of their old scales.
struct Tile {
  float values[kLargestBlock * 4];
  size_t rows;

  float32x4_t row(size_t i) const { return vld1q_f32(values + 4 * i); }
};

inline void load(Tile& tile, const float* w, const BlockwiseLayout& layout) {
  if (!layout.transposed) {
    for (size_t i = 0; i < tile.rows; ++i) vst1q_f32(tile.values + 4 * i, vld1q_f32(w + i * layout.cols));
    return;
  }
  for (size_t i = 0; i < tile.rows; ++i)
    for (size_t k = 0; k < 4; ++k) tile.values[4 * i + k] = w[k * layout.rows + i];
}

// To [0, most], NaN to 0, then to the nearest integer with ties away from zero: the largest float below 0.5
// takes every tie up, and nothing that is less than a tie.
template <int kBits>
inline float32x4_t step_of(float32x4_t u, float32x4_t factor, float32x4_t zero_point) {
  float32x4_t v = vaddq_f32(vmulq_f32(u, factor), zero_point);
  const float32x4_t zero = vdupq_n_f32(0.0f);
  const float32x4_t most = vdupq_n_f32((1 << kBits) - 1);
  v = vbslq_f32(vcgtq_f32(v, zero), v, zero);
  v = vbslq_f32(vcltq_f32(v, most), v, most);
  return vrndq_f32(vaddq_f32(v, vdupq_n_f32(0x1.fffffep-2f)));
}

inline float32x4_t reciprocal_of(float32x4_t scale) {
  const uint32x4_t no_scale = vceqq_f32(scale, vdupq_n_f32(0.0f));
  const float32x4_t reciprocal = vdivq_f32(vdupq_n_f32(1.0f), scale);
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(reciprocal), no_scale));
}

// 0 for columns that have none.
template <int kBits>
float32x4_t best_factors(const Tile& u, float32x4_t zero_point) {
  float32x4_t best = vdupq_n_f32(0.0f);
  float32x4_t found = vdupq_n_f32(0.0f);
  for (int first = 0; first < kFitFactors; first += kAbreast) {
    float32x4_t factor[kAbreast], a[kAbreast], b[kAbreast];
    for (int k = 0; k < kAbreast; ++k) {
      factor[k] = vdupq_n_f32(fit_factor(first + k));
      a[k] = b[k] = vdupq_n_f32(0.0f);
    }
    for (size_t i = 0; i < u.rows; ++i) {
      const float32x4_t v = u.row(i);
      const float32x4_t p = vaddq_f32(vabsq_f32(v), vdupq_n_f32(0.5f));
      const float32x4_t pv = vmulq_f32(p, v);
      for (int k = 0; k < kAbreast; ++k) {
        const float32x4_t l = vsubq_f32(step_of<kBits>(v, factor[k], zero_point), zero_point);
        a[k] = vaddq_f32(a[k], vmulq_f32(pv, l));
        b[k] = vaddq_f32(b[k], vmulq_f32(vmulq_f32(p, l), l));
      }
    }
    for (int k = 0; k < kAbreast; ++k) {
      const float32x4_t score = vdivq_f32(vmulq_f32(a[k], a[k]), b[k]);
      const uint32x4_t is_better = vcgtq_f32(score, best);
      best = vbslq_f32(is_better, score, best);
      found = vbslq_f32(is_better, factor[k], found);
    }
  }
  return found;
}

// Steps of one column, from every fourth place.
template <int kBits>
inline void store_steps(const int32_t* steps, size_t rows, uint8_t* y) {
  if (kBits == 8) {
    for (size_t i = 0; i < rows; ++i) y[i] = static_cast<uint8_t>(steps[4 * i]);
    return;
  }
  for (size_t i = 0; i + 2 <= rows; i += 2)
    y[i / 2] = static_cast<uint8_t>(steps[4 * i] | steps[4 * i + 4] << 4);
  if (rows % 2 != 0) y[rows / 2] = static_cast<uint8_t>((y[rows / 2] & 240) | steps[4 * (rows - 1)]);
}

template <int kBits>
inline int zero_point_of(const uint8_t* points, size_t block) {
  if (!points) return 1 << (kBits - 1);
  return kBits == 8 ? points[block] : points[block / 2] >> (block % 2 != 0 ? 4 : 0) & 15;
}

template <int kBits>
void fit(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
         const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t blocks = (layout.rows + layout.block - 1) / layout.block;
  const size_t block_bytes = layout.block * kBits / 8;
  const size_t point_bytes = (blocks * kBits + 7) / 8;
  Tile tile;
  int32_t steps[kLargestBlock * 4];
  float scale[4], point[4];
  uint32_t found[4];
  for (size_t block = 0; block < blocks; ++block) {
    const size_t first = block * layout.block;
    tile.rows = first + layout.block < layout.rows ? layout.block : layout.rows - first;
    for (size_t col = begin; col < end; col += 4) {
      load(tile, w + (layout.transposed ? col * layout.rows + first : first * layout.cols + col), layout);
      for (size_t k = 0; k < 4; ++k) {
        scale[k] = scales[(col + k) * blocks + block];
        const uint8_t* points = zero_points ? zero_points + (col + k) * point_bytes : nullptr;
        point[k] = static_cast<float>(zero_point_of<kBits>(points, block));
      }
      const float32x4_t before = vld1q_f32(scale);
      const float32x4_t zero_point = vld1q_f32(point);
      const float32x4_t per_step = reciprocal_of(before);
      for (size_t i = 0; i < tile.rows; ++i) vst1q_f32(tile.values + 4 * i, vmulq_f32(tile.row(i), per_step));
      const float32x4_t factor = best_factors<kBits>(tile, zero_point);

      float32x4_t c = vdupq_n_f32(0.0f);
      float32x4_t d = vdupq_n_f32(0.0f);
      for (size_t i = 0; i < tile.rows; ++i) {
        const float32x4_t u = tile.row(i);
        const float32x4_t step = step_of<kBits>(u, factor, zero_point);
        vst1q_s32(steps + 4 * i, vcvtq_s32_f32(step));
        c = vaddq_f32(c, vmulq_f32(u, vsubq_f32(step, zero_point)));
        d = vaddq_f32(d, vmulq_f32(u, u));
      }
      const float32x4_t ratio = vdivq_f32(d, c);
      const uint32x4_t is_near =
          vandq_u32(vcgtq_f32(ratio, vdupq_n_f32(0.5f)), vcltq_f32(ratio, vdupq_n_f32(2.0f)));
      vst1q_u32(found, vandq_u32(is_near, vcgtq_f32(factor, vdupq_n_f32(0.0f))));
      vst1q_f32(scale, vmulq_f32(before, ratio));
      for (size_t k = 0; k < 4; ++k) {
        if (found[k] == 0) continue;
        scales[(col + k) * blocks + block] = scale[k];
        store_steps<kBits>(steps + k, tile.rows, packed + ((col + k) * blocks + block) * block_bytes);
      }
    }
  }
}

}  // namespace

void neon::fit_blockwise(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                         const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = begin + (end - begin) / 4 * 4;
  if (layout.bits == 4)
    fit<4>(w, packed, scales, zero_points, layout, begin, rest);
  else
    fit<8>(w, packed, scales, zero_points, layout, begin, rest);
  scalar::fit_blockwise(w, packed, scales, zero_points, layout, rest, end);
}

}  // namespace modelpress

#include <immintrin.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kLargestBlock = 256;

// Factors that are tried side by side, so that no sum waits for itself.
constexpr int kAbreast = 4;

// One block of each of 8 columns, row after row: values, then steps of their old scales.
struct Tile {
  alignas(32) float values[kLargestBlock * 8];
  size_t rows;

  __m256 row(size_t i) const { return _mm256_load_ps(values + 8 * i); }
};

inline void transpose(__m256 (&r)[8]) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  __m256 u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

inline void load(Tile& tile, const float* w, const BlockwiseLayout& layout) {
  if (!layout.transposed) {
    for (size_t i = 0; i < tile.rows; ++i)
      _mm256_store_ps(tile.values + 8 * i, _mm256_loadu_ps(w + i * layout.cols));
    return;
  }
  size_t i = 0;
  for (; i + 8 <= tile.rows; i += 8) {
    __m256 r[8];
    for (size_t k = 0; k < 8; ++k) r[k] = _mm256_loadu_ps(w + k * layout.rows + i);
    transpose(r);
    for (size_t k = 0; k < 8; ++k) _mm256_store_ps(tile.values + 8 * (i + k), r[k]);
  }
  for (; i < tile.rows; ++i)
    for (size_t k = 0; k < 8; ++k) tile.values[8 * i + k] = w[k * layout.rows + i];
}

// To [0, most], NaN to 0, as max and min give their second operand; then to the nearest integer with ties
// away from zero: the largest float below 0.5 takes every tie up, and nothing that is less than a tie.
template <int kBits>
inline __m256 step_of(__m256 u, __m256 factor, __m256 zero_point) {
  __m256 v = _mm256_add_ps(_mm256_mul_ps(u, factor), zero_point);
  v = _mm256_max_ps(v, _mm256_setzero_ps());
  v = _mm256_min_ps(v, _mm256_set1_ps((1 << kBits) - 1));
  return _mm256_round_ps(_mm256_add_ps(v, _mm256_set1_ps(0x1.fffffep-2f)),
                         _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

inline __m256 reciprocal_of(__m256 scale) {
  const __m256 has_scale = _mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_NEQ_UQ);
  return _mm256_and_ps(_mm256_div_ps(_mm256_set1_ps(1.0f), scale), has_scale);
}

// 0 for columns that have none.
template <int kBits>
__m256 best_factors(const Tile& u, __m256 zero_point) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 best = _mm256_setzero_ps();
  __m256 found = _mm256_setzero_ps();
  for (int first = 0; first < kFitFactors; first += kAbreast) {
    __m256 factor[kAbreast], a[kAbreast], b[kAbreast];
    for (int k = 0; k < kAbreast; ++k) {
      factor[k] = _mm256_set1_ps(fit_factor(first + k));
      a[k] = b[k] = _mm256_setzero_ps();
    }
    for (size_t i = 0; i < u.rows; ++i) {
      const __m256 v = u.row(i);
      const __m256 p = _mm256_add_ps(_mm256_andnot_ps(sign, v), _mm256_set1_ps(0.5f));
      const __m256 pv = _mm256_mul_ps(p, v);
      for (int k = 0; k < kAbreast; ++k) {
        const __m256 l = _mm256_sub_ps(step_of<kBits>(v, factor[k], zero_point), zero_point);
        a[k] = _mm256_add_ps(a[k], _mm256_mul_ps(pv, l));
        b[k] = _mm256_add_ps(b[k], _mm256_mul_ps(_mm256_mul_ps(p, l), l));
      }
    }
    for (int k = 0; k < kAbreast; ++k) {
      const __m256 score = _mm256_div_ps(_mm256_mul_ps(a[k], a[k]), b[k]);
      const __m256 is_better = _mm256_cmp_ps(score, best, _CMP_GT_OQ);
      best = _mm256_blendv_ps(best, score, is_better);
      found = _mm256_blendv_ps(found, factor[k], is_better);
    }
  }
  return found;
}

// Steps of one column, from every eighth place.
template <int kBits>
inline void store_steps(const int32_t* steps, size_t rows, uint8_t* y) {
  if (kBits == 8) {
    for (size_t i = 0; i < rows; ++i) y[i] = static_cast<uint8_t>(steps[8 * i]);
    return;
  }
  for (size_t i = 0; i + 2 <= rows; i += 2)
    y[i / 2] = static_cast<uint8_t>(steps[8 * i] | steps[8 * i + 8] << 4);
  if (rows % 2 != 0) y[rows / 2] = static_cast<uint8_t>((y[rows / 2] & 240) | steps[8 * (rows - 1)]);
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
  alignas(32) int32_t steps[kLargestBlock * 8];
  alignas(32) float scale[8], point[8];
  for (size_t block = 0; block < blocks; ++block) {
    const size_t first = block * layout.block;
    tile.rows = first + layout.block < layout.rows ? layout.block : layout.rows - first;
    for (size_t col = begin; col < end; col += 8) {
      load(tile, w + (layout.transposed ? col * layout.rows + first : first * layout.cols + col), layout);
      for (size_t k = 0; k < 8; ++k) {
        scale[k] = scales[(col + k) * blocks + block];
        const uint8_t* points = zero_points ? zero_points + (col + k) * point_bytes : nullptr;
        point[k] = static_cast<float>(zero_point_of<kBits>(points, block));
      }
      const __m256 before = _mm256_load_ps(scale);
      const __m256 zero_point = _mm256_load_ps(point);
      const __m256 per_step = reciprocal_of(before);
      for (size_t i = 0; i < tile.rows; ++i)
        _mm256_store_ps(tile.values + 8 * i, _mm256_mul_ps(tile.row(i), per_step));
      const __m256 factor = best_factors<kBits>(tile, zero_point);

      __m256 c = _mm256_setzero_ps();
      __m256 d = _mm256_setzero_ps();
      for (size_t i = 0; i < tile.rows; ++i) {
        const __m256 u = tile.row(i);
        const __m256 step = step_of<kBits>(u, factor, zero_point);
        _mm256_store_si256(reinterpret_cast<__m256i*>(steps + 8 * i), _mm256_cvttps_epi32(step));
        c = _mm256_add_ps(c, _mm256_mul_ps(u, _mm256_sub_ps(step, zero_point)));
        d = _mm256_add_ps(d, _mm256_mul_ps(u, u));
      }
      const __m256 ratio = _mm256_div_ps(d, c);
      const __m256 is_near = _mm256_and_ps(_mm256_cmp_ps(ratio, _mm256_set1_ps(0.5f), _CMP_GT_OQ),
                                           _mm256_cmp_ps(ratio, _mm256_set1_ps(2.0f), _CMP_LT_OQ));
      const __m256 has_factor = _mm256_cmp_ps(factor, _mm256_setzero_ps(), _CMP_GT_OQ);
      const int found = _mm256_movemask_ps(_mm256_and_ps(is_near, has_factor));
      _mm256_store_ps(scale, _mm256_mul_ps(before, ratio));
      for (size_t k = 0; k < 8; ++k) {
        if ((found >> k & 1) == 0) continue;
        scales[(col + k) * blocks + block] = scale[k];
        store_steps<kBits>(steps + k, tile.rows, packed + ((col + k) * blocks + block) * block_bytes);
      }
    }
  }
}

}  // namespace

void avx2::fit_blockwise(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                         const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = begin + (end - begin) / 8 * 8;
  if (layout.bits == 4)
    fit<4>(w, packed, scales, zero_points, layout, begin, rest);
  else
    fit<8>(w, packed, scales, zero_points, layout, begin, rest);
  scalar::fit_blockwise(w, packed, scales, zero_points, layout, rest, end);
}

}  // namespace modelpress

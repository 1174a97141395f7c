// Blocks of several columns fitted side by side, a column in each lane of a vector. V is the vectors of an
// instruction set:
//   Floats, Mask, kFloats; load, store, set, add, sub, mul, div, abs; greater, both, select, bits
//   clamp(v, most): v in [0, most], NaN as 0
//   truncate(v), store_integers(to, v): of whole numbers
//   reciprocal(v): 0 for 0
//   load_columns(to, w, rows, stride): kFloats rows of w, `stride` apart, as columns of `rows` values
#pragma once

#include "kernels.h"

namespace modelpress {
namespace {

// Factors that are tried side by side, so that no sum waits for itself.
constexpr int kAbreast = 4;

// One block of each column, row after row: values, then steps of their old scales.
template <class V>
struct Tile {
  alignas(sizeof(typename V::Floats)) float values[kLargestBlock * V::kFloats];
  size_t rows;

  float* at(size_t i) { return values + V::kFloats * i; }
  typename V::Floats row(size_t i) const { return V::load(values + V::kFloats * i); }

  void load(const float* w, const BlockwiseLayout& layout) {
    if (layout.transposed) return V::load_columns(values, w, rows, layout.rows);
    for (size_t i = 0; i < rows; ++i) V::store(at(i), V::load(w + i * layout.cols));
  }
};

// To the nearest integer with ties away from zero: the largest float below 0.5 takes every tie up, and
// nothing that is less than a tie.
template <class V, int kBits, class F>
inline F step_of(F u, F factor, F zero_point) {
  const F v = V::clamp(V::add(V::mul(u, factor), zero_point), V::set((1 << kBits) - 1));
  return V::truncate(V::add(v, V::set(0x1.fffffep-2f)));
}

// 0 for columns that have none.
template <class V, int kBits, class F>
F best_factors(const Tile<V>& u, F zero_point) {
  F best = V::set(0.0f);
  F found = V::set(0.0f);
  for (int first = 0; first < kFitFactors; first += kAbreast) {
    F factor[kAbreast], a[kAbreast], b[kAbreast];
    for (int k = 0; k < kAbreast; ++k) {
      factor[k] = V::set(fit_factor(first + k));
      a[k] = b[k] = V::set(0.0f);
    }
    for (size_t i = 0; i < u.rows; ++i) {
      const F v = u.row(i);
      const F p = V::add(V::abs(v), V::set(0.5f));
      const F pv = V::mul(p, v);
      for (int k = 0; k < kAbreast; ++k) {
        const F l = V::sub(step_of<V, kBits>(v, factor[k], zero_point), zero_point);
        a[k] = V::add(a[k], V::mul(pv, l));
        b[k] = V::add(b[k], V::mul(V::mul(p, l), l));
      }
    }
    for (int k = 0; k < kAbreast; ++k) {
      const F score = V::div(V::mul(a[k], a[k]), b[k]);
      const auto is_better = V::greater(score, best);
      best = V::select(is_better, score, best);
      found = V::select(is_better, factor[k], found);
    }
  }
  return found;
}

// Steps of one column, `stride` apart.
template <int kBits>
inline void store_steps(const int32_t* steps, size_t stride, size_t rows, uint8_t* y) {
  if (kBits == 8) {
    for (size_t i = 0; i < rows; ++i) y[i] = static_cast<uint8_t>(steps[stride * i]);
    return;
  }
  for (size_t i = 0; i + 2 <= rows; i += 2)
    y[i / 2] = static_cast<uint8_t>(steps[stride * i] | steps[stride * (i + 1)] << 4);
  if (rows % 2 != 0) y[rows / 2] = static_cast<uint8_t>((y[rows / 2] & 240) | steps[stride * (rows - 1)]);
}

template <int kBits>
inline int zero_point_of(const uint8_t* points, size_t block) {
  if (!points) return 1 << (kBits - 1);
  return kBits == 8 ? points[block] : points[block / 2] >> (block % 2 != 0 ? 4 : 0) & 15;
}

// What the tile comes to: its steps row after row, the factor of each scale, and a bit for each column that
// has one.
template <class V>
struct Fitted {
  alignas(sizeof(typename V::Floats)) int32_t steps[kLargestBlock * V::kFloats];
  typename V::Floats ratio;
  unsigned found;
};

template <class V, int kBits, class F>
void fit_tile(Tile<V>& tile, F scale, F zero_point, Fitted<V>& fitted) {
  const F per_step = V::reciprocal(scale);
  for (size_t i = 0; i < tile.rows; ++i) V::store(tile.at(i), V::mul(tile.row(i), per_step));
  const F factor = best_factors<V, kBits>(tile, zero_point);
  F c = V::set(0.0f);
  F d = V::set(0.0f);
  for (size_t i = 0; i < tile.rows; ++i) {
    const F u = tile.row(i);
    const F step = step_of<V, kBits>(u, factor, zero_point);
    V::store_integers(fitted.steps + V::kFloats * i, step);
    c = V::add(c, V::mul(u, V::sub(step, zero_point)));
    d = V::add(d, V::mul(u, u));
  }
  fitted.ratio = V::div(d, c);
  const auto is_near =
      V::both(V::greater(fitted.ratio, V::set(0.5f)), V::greater(V::set(2.0f), fitted.ratio));
  fitted.found = V::bits(V::both(is_near, V::greater(factor, V::set(0.0f))));
}

// Columns [begin, end), a multiple of kFloats.
template <class V, int kBits>
void fit_columns(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                 const BlockwiseLayout& layout, size_t begin, size_t end) {
  constexpr size_t kColumns = V::kFloats;
  const size_t blocks = (layout.rows + layout.block - 1) / layout.block;
  const size_t block_bytes = layout.block * kBits / 8;
  const size_t point_bytes = (blocks * kBits + 7) / 8;
  Tile<V> tile;
  Fitted<V> fitted;
  float scale[kColumns], point[kColumns];
  for (size_t block = 0; block < blocks; ++block) {
    const size_t first = block * layout.block;
    tile.rows = first + layout.block < layout.rows ? layout.block : layout.rows - first;
    for (size_t col = begin; col < end; col += kColumns) {
      tile.load(w + (layout.transposed ? col * layout.rows + first : first * layout.cols + col), layout);
      for (size_t k = 0; k < kColumns; ++k) {
        scale[k] = scales[(col + k) * blocks + block];
        const uint8_t* points = zero_points ? zero_points + (col + k) * point_bytes : nullptr;
        point[k] = static_cast<float>(zero_point_of<kBits>(points, block));
      }
      fit_tile<V, kBits>(tile, V::load(scale), V::load(point), fitted);
      V::store(scale, V::mul(V::load(scale), fitted.ratio));
      for (size_t k = 0; k < kColumns; ++k) {
        if ((fitted.found >> k & 1) == 0) continue;
        scales[(col + k) * blocks + block] = scale[k];
        store_steps<kBits>(fitted.steps + k, kColumns, tile.rows,
                           packed + ((col + k) * blocks + block) * block_bytes);
      }
    }
  }
}

template <class V>
void fit(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
         const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = begin + (end - begin) / V::kFloats * V::kFloats;
  if (layout.bits == 4)
    fit_columns<V, 4>(w, packed, scales, zero_points, layout, begin, rest);
  else
    fit_columns<V, 8>(w, packed, scales, zero_points, layout, begin, rest);
  scalar::fit_blockwise(w, packed, scales, zero_points, layout, rest, end);
}

}  // namespace
}  // namespace modelpress

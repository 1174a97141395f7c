// Blocks of columns whose values lie a row apart, in vectors of columns. Each file that includes it gets its
// own copy, as with ahead.h.
#pragma once

#include "ahead_of_block.h"
#include "part.h"

namespace modelpress {
namespace {

// From these many values on, which the third cache does not hold, whole lines of steps go around the cache.
constexpr size_t kStream = size_t{8} << 20;
// And blocks are fetched ahead, for vectors of half the size from half as many on: below, it cost a sixth.
template <class V>
constexpr size_t kFetch = kStream / 16 * V::kFloats;

// Columns that are worked on together: their results are held until there is enough to store, and the rows of
// a block stay in the second cache while they are looked at twice, for the range and for the steps, even
// where rows lie powers of two apart.
constexpr size_t kPartCols = 1024;

// Whether the last `bytes` before `end` are the last ones of `stored`.
inline bool ends_stored(const void* end, size_t bytes, size_t stored) {
  return reinterpret_cast<uintptr_t>(end) % stored < bytes;
}

// A block of a part: its rows, and where in the part its words and scales go.
struct Block {
  const float* w;
  size_t index;
  uint32_t* words;
  float* scales;
};

// Calls each(row, vector) for every eight rows and vector of a block, and fetches half as many of the next
// one meanwhile.
template <class Ahead, class Each>
inline void for_each_tile(size_t rows, size_t vectors, Ahead ahead, const Each& each) {
  for (size_t row = 0; row < rows; row += 8)
    for (size_t vector = 0; vector < vectors; ++vector) {
      ahead.fetch();
      each(row, vector);
    }
}

template <class V, class Ahead>
void find_ranges(const float* w, size_t stride, size_t rows, const Part<V>& part) {
  Range<V>* const ranges = part.ranges;
  const uint32_t* const columns = part.columns;
  for (size_t k = 0; k < part.vectors; ++k) ranges[k] = Range<V>::nothing();
  const Ahead ahead(w + rows * stride, stride, part.vectors * V::kFloats);
  for_each_tile(rows, part.vectors, ahead, [=](size_t row, size_t k) {
    const size_t column = columns[k];
    Range<V> range = ranges[k];
    for (size_t i = 0; i < 8; ++i) range.fold(V::load(w + (row + i) * stride + column));
    ranges[k] = range;
  });
}

// The parameters that follow from these ranges. Returns whether one is extreme.
template <class V, int kBits>
bool find_params(const Part<V>& part, const Block& block, bool symmetric) {
  const size_t bit = block.index * kBits % 32;
  bool extreme = false;
  for (size_t k = 0; k < part.vectors; ++k) {
    const size_t at = k * V::kFloats;
    const auto params = params_of<V, kBits>(part.ranges[k], symmetric);
    const auto reciprocal = params.reciprocal();
    extreme |= is_extreme<V>(reciprocal);
    V::store(part.reciprocals + at, reciprocal);
    V::store(part.zero_points + at, params.zero_point);
    V::store(block.scales + at, params.scale);
    if (symmetric) continue;
    const auto point = V::left(V::truncated(params.zero_point), static_cast<int>(bit));
    V::store(part.points + at, bit == 0 ? point : V::either(V::load(part.points + at), point));
  }
  return extreme;
}

template <class V, int kBits, bool kIsExtreme, class Ahead>
void find_words(const Block& block, size_t stride, size_t rows, const Part<V>& part) {
  constexpr size_t kRows = 32 / kBits;
  const float* const w = block.w;
  const uint32_t* const columns = part.columns;
  const float* const reciprocals = part.reciprocals;
  const float* const zero_points = part.zero_points;
  uint32_t* const words = block.words;
  const size_t words_stride = part.stride;
  const Ahead ahead(w + (rows + rows / 2) * stride, stride, part.vectors * V::kFloats);
  for_each_tile(rows, part.vectors, ahead, [=](size_t row, size_t k) {
    const float* const values = w + row * stride + columns[k];
    const size_t at = k * V::kFloats;
    const Steps<V, kBits, kIsExtreme> steps(V::load(reciprocals + at), V::load(zero_points + at));
    for (size_t i = 0; i < 8; i += kRows)
      V::store(words + (row + i) / kRows * words_stride + at, steps.words(values + i * stride, stride));
  });
}

// Finds the parameters and the words of a block.
template <class V, int kBits, class Ahead>
void quantize_block(const Block& block, const BlockwiseLayout& layout, const Part<V>& part, bool symmetric) {
  const size_t rows = layout.block;
  const size_t stride = layout.cols;
  find_ranges<V, Ahead>(block.w, stride, rows, part);
  if (find_params<V, kBits>(part, block, symmetric))
    find_words<V, kBits, true, Ahead>(block, stride, rows, part);
  else
    find_words<V, kBits, false, Ahead>(block, stride, rows, part);
}

// Turns the part's rows of words, moved as if they were floats, into columns, each `to_stride` bytes after
// the one before; around the cache where these are whole lines.
template <class V>
void store_columns(const float* rows, size_t count, const Part<V>& part, void* to, size_t to_stride,
                   bool around) {
  const bool streams =
      around && (reinterpret_cast<uintptr_t>(to) | to_stride | count * sizeof(float)) % kLine == 0;
  for (size_t vector = 0; vector < part.vectors; ++vector)
    for (size_t i = 0; i < count; i += V::kFloats) {
      const size_t n = count - i < V::kFloats ? count - i : V::kFloats;
      const float* const from = rows + i * part.stride + vector * V::kFloats;
      typename V::Floats r[V::kFloats];
      for (size_t k = 0; k < V::kFloats; ++k) r[k] = k < n ? V::load(from + k * part.stride) : V::zero();
      V::transpose(r);
      char* column = static_cast<char*>(to) + part.columns[vector] * to_stride + i * sizeof(float);
      for (size_t k = 0; k < V::kFloats; ++k, column += to_stride) {
        if (streams)
          V::stream(column, r[k]);
        else
          V::store_first(column, r[k], n);
      }
    }
}

// The zero points of the blocks up to this one that share a word with it.
template <class V, int kBits>
void store_points(const Part<V>& part, size_t block, const Strides& strides, uint8_t* to) {
  const size_t word = block * kBits / 32;
  const size_t bits = (block + 1) * kBits - word * 32;
  // The half that no block takes is 8.
  const uint32_t rest = bits < 32 ? uint32_t{8} << bits : 0;
  for (size_t vector = 0; vector < part.vectors; ++vector)
    for (size_t i = 0; i < V::kFloats; ++i) {
      const uint32_t all = part.points[vector * V::kFloats + i] | rest;
      const size_t column = part.columns[vector] + i;
      memcpy(to + column * strides.zero_point_bytes + word * sizeof(all), &all, (bits + 7) / 8);
    }
}

// Whole blocks of a part of a matrix of `all` values.
template <class V, int kBits>
void quantize_part(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Part<V>& part,
                   const Output& y, size_t all) {
  const bool around = all >= kStream;
  const size_t whole = layout.rows / layout.block;
  const size_t words_of_block = strides.block_bytes / sizeof(uint32_t);
  size_t words = 0;
  size_t scales = 0;
  for (size_t i = 0; i < whole; ++i, w += layout.block * layout.cols) {
    const Block block{w, i, part.words + words * part.stride, part.scales + scales * part.stride};
    if (all >= kFetch<V>)
      quantize_block<V, kBits, AheadOfBlock<V>>(block, layout, part, !y.zero_points);
    else
      quantize_block<V, kBits, NothingAhead<V>>(block, layout, part, !y.zero_points);
    words += words_of_block;
    ++scales;
    const bool last = i + 1 == whole;
    // What comes before the first line that is whole is stored by itself.
    uint8_t* const packed = y.packed + (i + 1) * strides.block_bytes;
    const size_t stored_steps = words == (i + 1) * words_of_block ? kLine : kStoredSteps;
    if (last || ends_stored(packed, strides.block_bytes, stored_steps)) {
      store_columns(reinterpret_cast<const float*>(part.words), words, part,
                    packed - words * sizeof(uint32_t), strides.bytes, around);
      words = 0;
    }
    const size_t stored_scales = scales == i + 1 ? kLine : kStoredScales;
    if (last || ends_stored(y.scales + i + 1, sizeof(float), stored_scales)) {
      store_columns(part.scales, scales, part, y.scales + i + 1 - scales, strides.blocks * sizeof(float),
                    around);
      scales = 0;
    }
    if (y.zero_points && (last || (i + 1) * kBits % 32 == 0))
      store_points<V, kBits>(part, i, strides, y.zero_points);
  }
}

// Whole blocks of columns whose values lie a row apart, as many columns as a vector has at least. False if
// there is no memory to work in.
template <class V, int kBits>
bool quantize_rows(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y,
                   size_t begin, size_t end) {
  const size_t all = (end - begin) * layout.rows;
  Part<V> part;
  part.allocate((end - begin < kPartCols ? end - begin : kPartCols) / V::kFloats + 2, strides.block_bytes);
  if (!part.memory) return false;
  for (size_t from = begin, to; from < end; from = to) {
    to = from + kPartCols - columns_before<V>(w + from, layout.cols);
    // Less than a vector is no part.
    if (to + V::kFloats > end) to = end;
    part.take(w + from, layout.cols, to - from);
    quantize_part<V, kBits>(w + from, layout, strides, part, y.at(from, strides), all);
  }
  if (all >= kStream) _mm_sfence();
  free(part.memory);
  return true;
}

}  // namespace
}  // namespace modelpress

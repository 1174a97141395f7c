// What is found of columns whose values lie a row apart, side by side until it is stored. Each file that
// includes it gets its own copy, as with ahead.h.
#pragma once

#include <stdlib.h>

#include "steps.h"

namespace modelpress {
namespace {

// What is stored of a column at a time, and ends where that many bytes do: whole lines of the cache. With two
// lines of steps everything took 1.05 times as long as with four, measured on [8192, 8192].
constexpr size_t kLine = 64;
constexpr size_t kStoredSteps = 4 * kLine;
constexpr size_t kStoredScales = 2 * kLine;

// Between the rows of what is held: rows that lie a power of two apart would push each other out of the first
// cache while columns are made of them. 1.1 times as fast, measured.
constexpr size_t kPadding = kLine / sizeof(float);

// Where what is held begins: everything took 1.05 times as long from a line of the cache on, measured.
constexpr size_t kPage = 4096;

// Columns from the beginning of a line of the cache up to w, if that is the same in every row.
template <class V>
inline size_t columns_before(const float* w, size_t stride) {
  const auto address = reinterpret_cast<uintptr_t>(w);
  const bool equal = stride % V::kFloats == 0 && address % sizeof(float) == 0;
  return equal ? address / sizeof(float) % V::kFloats : 0;
}

// Vectors of columns that are worked on together, and what is found of them: the ranges and the parameters of
// one block of each, and results side by side as they are made. Zero points fill a word before they are
// stored.
template <class V>
struct Part {
  void* memory;
  size_t stride;  // of what is held
  size_t vectors;
  uint32_t* columns;  // the first of each vector
  Range<V>* ranges;
  float* reciprocals;
  float* zero_points;
  uint32_t* words;
  float* scales;
  uint32_t* points;

  // Not a constructor and a destructor: what these need for exceptions would be shared with other files.
  // Aligned here, for what is allocated aligned is given back to the system by each call.
  void allocate(size_t most_vectors, size_t block_bytes) {
    stride = most_vectors * V::kFloats + kPadding;
    const size_t held = block_bytes < kStoredSteps ? kStoredSteps : block_bytes;
    const size_t column = sizeof(Range<V>) / V::kFloats + 4 * sizeof(float) + held + kStoredScales;
    memory = malloc(stride * column + kPage);
    const auto page = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage;
    ranges = reinterpret_cast<Range<V>*>(page);
    reciprocals = reinterpret_cast<float*>(ranges + stride / V::kFloats);
    zero_points = reciprocals + stride;
    words = reinterpret_cast<uint32_t*>(zero_points + stride);
    scales = reinterpret_cast<float*>(words + held / sizeof(uint32_t) * stride);
    points = reinterpret_cast<uint32_t*>(scales + kStoredScales / sizeof(float) * stride);
    columns = points + stride;
  }

  // Vectors of the columns from w on, at least as many as one has. They begin where lines of the cache do:
  // loads that cross lines took 1.2 times as long, measured. So the first and the last may have columns in
  // common with their neighbours.
  void take(const float* w, size_t row_stride, size_t cols) {
    const size_t before = columns_before<V>(w, row_stride);
    const size_t last = cols - V::kFloats;
    vectors = (cols + before + V::kFloats - 1) / V::kFloats;
    for (size_t k = 0; k < vectors; ++k) {
      const size_t at = k * V::kFloats;
      const size_t column = at < before ? 0 : at - before;
      columns[k] = static_cast<uint32_t>(column < last ? column : last);
    }
  }
};

}  // namespace
}  // namespace modelpress

// Blocks of columns whose values lie a row apart.
#pragma once

#include "../ahead.h"
#include "avx2_steps.h"

namespace modelpress {
namespace {

// From these many values on, whole lines of steps go around the cache.
constexpr size_t kStream = size_t{8} << 20;

// Columns that are worked on together: their results are held until there is enough to store, and the rows of
// a block stay in the second cache while they are looked at twice, for the range and for the steps, even
// where rows lie powers of two apart.
constexpr size_t kPartCols = 1024;

// What is stored of a column at a time is at least that long, and ends where that many bytes do: two lines of
// the cache. 1.1 times as fast as one, measured on [8192, 8192].
constexpr size_t kLine = 64;
constexpr size_t kStored = 2 * kLine;
constexpr size_t kStoredScales = kStored / sizeof(float);

// Between the rows of what is held: rows that lie a power of two apart would push each other out of the first
// cache while columns are made of them. 1.1 times as fast, measured.
constexpr size_t kPadding = kLine / sizeof(float);

// Whether the last so many bytes before `end` are the last ones to store at a time.
inline bool ends_stored(const void* end, size_t bytes) {
  return reinterpret_cast<uintptr_t>(end) % kStored < bytes;
}

// What is found of a part of `cols` columns: the ranges and the parameters of one block of each, and results
// side by side as they are made. Zero points fill a word before they are stored.
struct Part {
  size_t stride;
  Range* ranges;
  float* reciprocals;
  float* zero_points;
  uint32_t* words;
  float* scales;
  uint32_t* points;

  // Not a constructor and a destructor: what these need for exceptions would be shared with other files.
  // Without memory there are no ranges.
  void allocate(size_t cols, size_t block_bytes) {
    stride = cols + kPadding;
    const size_t held = block_bytes < kStored ? kStored : block_bytes;
    const size_t column = sizeof(Range) / 8 + 3 * sizeof(float) + held + kStored;
    ranges = static_cast<Range*>(_mm_malloc(stride * column, kLine));
    if (!ranges) return;
    reciprocals = reinterpret_cast<float*>(ranges + stride / 8);
    zero_points = reciprocals + stride;
    words = reinterpret_cast<uint32_t*>(zero_points + stride);
    scales = reinterpret_cast<float*>(words + held / sizeof(uint32_t) * stride);
    points = reinterpret_cast<uint32_t*>(scales + kStoredScales * stride);
  }
  void free() { _mm_free(ranges); }
};

// A block of a part: its rows, and where in the part its words and scales go.
struct Block {
  const float* w;
  size_t index;
  uint32_t* words;
  float* scales;
};

using AheadOfBlock = Ahead<float, false>;

// Of the next block this much is fetched for so many values of this one: half while its range is found, half
// while it is quantized.
constexpr size_t fetched(size_t values) { return values / 2; }

// The ranges of a block, eight rows at a time.
inline void find_ranges(const float* w, size_t stride, size_t rows, size_t cols, const Part& part,
                        AheadOfBlock& ahead) {
  for (size_t k = 0; k < cols / 8; ++k) part.ranges[k] = nothing();
  for (size_t row = 0; row < rows; row += 8, w += 8 * stride)
    for (size_t k = 0; k < cols / 8; ++k) {
      ahead.fetch(fetched(64));
      Range range = part.ranges[k];
      for (size_t i = 0; i < 8; ++i) range.fold(_mm256_loadu_ps(w + i * stride + 8 * k));
      part.ranges[k] = range;
    }
}

// The parameters that follow from these ranges. Returns whether one is extreme.
template <int kBits>
bool find_params(const Part& part, size_t cols, const Block& block, bool symmetric) {
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(block.index * kBits % 32));
  bool extreme = false;
  for (size_t col = 0; col < cols; col += 8) {
    const Params params = params_of<kBits>(part.ranges[col / 8], symmetric);
    const __m256 reciprocal = params.reciprocal();
    extreme |= is_extreme(reciprocal);
    _mm256_store_ps(part.reciprocals + col, reciprocal);
    _mm256_store_ps(part.zero_points + col, params.zero_point);
    _mm256_store_ps(block.scales + col, params.scale);
    if (symmetric) continue;
    const auto points = reinterpret_cast<__m256i*>(part.points + col);
    const __m256i point = _mm256_sll_epi32(_mm256_cvttps_epi32(params.zero_point), shift);
    const bool is_first = block.index * kBits % 32 == 0;
    _mm256_store_si256(points, is_first ? point : _mm256_or_si256(_mm256_load_si256(points), point));
  }
  return extreme;
}

template <int kBits, bool kIsExtreme>
void find_words(const Block& block, size_t stride, size_t rows, size_t cols, const Part& part,
                AheadOfBlock& ahead) {
  constexpr size_t kRows = 32 / kBits;
  const float* w = block.w;
  uint32_t* words = block.words;
  for (size_t row = 0; row < rows; row += kRows, w += kRows * stride, words += part.stride)
    for (size_t col = 0; col < cols; col += 8) {
      ahead.fetch(fetched(kRows * 8));
      const Steps<kBits, kIsExtreme> steps{_mm256_load_ps(part.reciprocals + col),
                                           _mm256_load_ps(part.zero_points + col)};
      _mm256_store_si256(reinterpret_cast<__m256i*>(words + col), steps.words(w + col, stride));
    }
}

// Finds the parameters and the words of a block of the part's first `cols` columns.
template <int kBits>
void quantize_block(const Block& block, const BlockwiseLayout& layout, size_t cols, const Part& part,
                    bool symmetric) {
  const size_t rows = layout.block;
  const size_t stride = layout.cols;
  AheadOfBlock ahead(block.w + rows * stride, stride, cols);
  find_ranges(block.w, stride, rows, cols, part, ahead);
  if (find_params<kBits>(part, cols, block, symmetric))
    find_words<kBits, true>(block, stride, rows, cols, part, ahead);
  else
    find_words<kBits, false>(block, stride, rows, cols, part, ahead);
}

// Turns `count` rows of `cols` words, moved as if they were floats, into columns, each `to_stride` bytes
// after the one before; around the cache where these are whole lines.
inline void store_columns(const float* rows, size_t stride, size_t count, size_t cols, void* to,
                          size_t to_stride, bool around) {
  const bool streams =
      around && (reinterpret_cast<uintptr_t>(to) | to_stride | count * sizeof(float)) % kLine == 0;
  for (size_t col = 0; col < cols; col += 8)
    for (size_t i = 0; i < count; i += 8) {
      const size_t n = count - i < 8 ? count - i : 8;
      __m256 r[8];
      for (size_t k = 0; k < 8; ++k)
        r[k] = k < n ? _mm256_load_ps(rows + (i + k) * stride + col) : _mm256_setzero_ps();
      transpose(r);
      for (size_t k = 0; k < 8; ++k) {
        char* column = static_cast<char*>(to) + (col + k) * to_stride + i * sizeof(float);
        if (streams)
          _mm256_stream_ps(reinterpret_cast<float*>(column), r[k]);
        else
          store_floats(column, r[k], n);
      }
    }
}

// The zero points of the blocks up to this one that share a word with it.
template <int kBits>
void store_points(const uint32_t* points, size_t cols, size_t block, const Strides& strides, uint8_t* to) {
  const size_t word = block * kBits / 32;
  const size_t bits = (block + 1) * kBits - word * 32;
  // The half that no block takes is 8.
  const uint32_t rest = bits < 32 ? uint32_t{8} << bits : 0;
  for (size_t col = 0; col < cols; ++col) {
    const uint32_t all = points[col] | rest;
    memcpy(to + col * strides.zero_point_bytes + word * sizeof(all), &all, (bits + 7) / 8);
  }
}

// Whole blocks of the part's first `cols` columns.
template <int kBits>
void quantize_part(const float* w, const BlockwiseLayout& layout, size_t cols, const Strides& strides,
                   const Part& part, const Output& y, bool around) {
  const size_t whole = layout.rows / layout.block;
  size_t words = 0;
  size_t scales = 0;
  for (size_t i = 0; i < whole; ++i, w += layout.block * layout.cols) {
    const Block block{w, i, part.words + words * part.stride, part.scales + scales * part.stride};
    quantize_block<kBits>(block, layout, cols, part, !y.zero_points);
    words += strides.block_bytes / sizeof(uint32_t);
    ++scales;
    const bool last = i + 1 == whole;
    uint8_t* const packed = y.packed + (i + 1) * strides.block_bytes;
    if (last || ends_stored(packed, strides.block_bytes)) {
      store_columns(reinterpret_cast<const float*>(part.words), part.stride, words, cols,
                    packed - words * sizeof(uint32_t), strides.bytes, around);
      words = 0;
    }
    if (last || ends_stored(y.scales + i + 1, sizeof(float))) {
      store_columns(part.scales, part.stride, scales, cols, y.scales + i + 1 - scales,
                    strides.blocks * sizeof(float), around);
      scales = 0;
    }
    if (y.zero_points && (last || (i + 1) * kBits % 32 == 0))
      store_points<kBits>(part.points, cols, i, strides, y.zero_points);
  }
}

// Whole blocks of columns whose values lie a row apart. False if there is no memory to work in.
template <int kBits>
bool quantize_rows(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y,
                   size_t begin, size_t end) {
  const size_t width = end - begin < kPartCols ? end - begin : kPartCols;
  Part part;
  part.allocate(width, strides.block_bytes);
  if (!part.ranges) return false;
  const bool around = (end - begin) * layout.rows >= kStream;
  for (size_t from = begin; from < end; from += width) {
    const size_t cols = width < end - from ? width : end - from;
    quantize_part<kBits>(w + from, layout, cols, strides, part, y.at(from, strides), around);
  }
  if (around) _mm_sfence();
  part.free();
  return true;
}

}  // namespace
}  // namespace modelpress

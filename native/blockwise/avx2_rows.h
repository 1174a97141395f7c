// Blocks of columns whose values lie a row apart.
#pragma once

#include "../ahead.h"
#include "avx2_steps.h"

namespace modelpress {
namespace {

// From these many values on, whole lines of steps go around the cache.
constexpr size_t kStream = size_t{8} << 20;

// Columns whose results are held until whole lines of them are found, and how many of these are looked at
// twice, for the range and for the steps, before the next ones: their rows stay in the second cache even
// where rows lie powers of two apart. 1.2 times as fast as all columns at once, measured.
constexpr size_t kPartCols = 8192;
constexpr size_t kStripCols = 1024;

// A line of the cache: what a column gets at a time is at least that long, and ends where a line does.
constexpr size_t kLine = 64;

// What is found of a part of `cols` columns: of one block of each, and the results of up to `height` blocks,
// side by side as they are made.
struct Part {
  size_t cols;
  Range* ranges;
  uint32_t* words;
  float* reciprocals;
  float* zero_points;
  float* scales;
  uint8_t* zero_steps;

  // Not a constructor and a destructor: what these need for exceptions would be shared with other files.
  // Without memory there are no ranges.
  void allocate(size_t part_cols, size_t height, size_t block_bytes) {
    cols = part_cols;
    const size_t column = sizeof(Range) / 8 + (2 + height) * sizeof(float) + height * (block_bytes + 1);
    ranges = static_cast<Range*>(_mm_malloc(cols * column, kLine));
    if (!ranges) return;
    words = reinterpret_cast<uint32_t*>(ranges + cols / 8);
    reciprocals = reinterpret_cast<float*>(words + height * block_bytes / 4 * cols);
    zero_points = reciprocals + cols;
    scales = zero_points + cols;
    zero_steps = reinterpret_cast<uint8_t*>(scales + height * cols);
  }
  void free() { _mm_free(ranges); }
};

// What of the strip after this one is fetched for so many values of this one: half while its range is found,
// half while it is quantized.
constexpr size_t fetched(size_t values) { return values / 2; }

// The ranges of a block of columns [begin, end), eight rows at a time.
inline void find_ranges(const float* w, size_t stride, size_t rows, size_t begin, size_t end,
                        const Part& part, Ahead<float>& ahead) {
  for (size_t k = begin / 8; k < end / 8; ++k) part.ranges[k] = nothing();
  for (size_t row = 0; row < rows; row += 8, w += 8 * stride)
    for (size_t k = begin / 8; k < end / 8; ++k) {
      ahead.fetch(fetched(64));
      Range range = part.ranges[k];
      for (size_t i = 0; i < 8; ++i) range.fold(_mm256_loadu_ps(w + i * stride + 8 * k));
      part.ranges[k] = range;
    }
}

// The parameters that follow from these ranges, for the block-th of the part. Returns whether one is extreme.
template <int kBits>
bool find_params(const Part& part, size_t begin, size_t end, size_t block, bool symmetric) {
  bool extreme = false;
  for (size_t col = begin; col < end; col += 8) {
    const Params params = params_of<kBits>(part.ranges[col / 8], symmetric);
    const __m256 reciprocal = params.reciprocal();
    extreme |= is_extreme(reciprocal);
    _mm256_store_ps(part.reciprocals + col, reciprocal);
    _mm256_store_ps(part.zero_points + col, params.zero_point);
    _mm256_store_ps(part.scales + block * part.cols + col, params.scale);
    if (symmetric) continue;
    const __m256i points = _mm256_cvttps_epi32(params.zero_point);
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(points), _mm256_extracti128_si256(points, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(part.zero_steps + block * part.cols + col),
                     _mm_packus_epi16(halves, halves));
  }
  return extreme;
}

template <int kBits, bool kIsExtreme>
void find_words(const float* w, size_t stride, size_t rows, size_t begin, size_t end, const Part& part,
                uint32_t* words, Ahead<float>& ahead) {
  constexpr size_t kRows = 32 / kBits;
  for (size_t row = 0; row < rows; row += kRows, w += kRows * stride, words += part.cols)
    for (size_t col = begin; col < end; col += 8) {
      ahead.fetch(fetched(kRows * 8));
      const Steps<kBits, kIsExtreme> steps{_mm256_load_ps(part.reciprocals + col),
                                           _mm256_load_ps(part.zero_points + col)};
      _mm256_store_si256(reinterpret_cast<__m256i*>(words + col), steps.words(w + col, stride));
    }
}

// Finds the parameters and the words of the block-th block of the part's first `cols` columns.
template <int kBits>
void quantize_block(const float* w, const BlockwiseLayout& layout, size_t cols, size_t block,
                    const Part& part, bool symmetric) {
  const size_t rows = layout.block;
  const size_t stride = layout.cols;
  uint32_t* words = part.words + block * (rows * kBits / 32) * part.cols;
  for (size_t begin = 0; begin < cols; begin += kStripCols) {
    const size_t end = cols - begin < kStripCols ? cols : begin + kStripCols;
    Ahead<float> ahead(end < cols ? w + end : w + rows * stride, stride, end - begin);
    find_ranges(w, stride, rows, begin, end, part, ahead);
    if (find_params<kBits>(part, begin, end, block, symmetric))
      find_words<kBits, true>(w, stride, rows, begin, end, part, words, ahead);
    else
      find_words<kBits, false>(w, stride, rows, begin, end, part, words, ahead);
  }
}

// Turns rows [0, count) of 8 columns of words, moved as if they were floats, into columns, each `to_stride`
// bytes after the one before.
inline void store_columns(const float* rows, size_t stride, size_t count, void* to, size_t to_stride,
                          bool around) {
  for (size_t i = 0; i < count; i += 8) {
    const size_t n = count - i < 8 ? count - i : 8;
    __m256 r[8];
    for (size_t k = 0; k < 8; ++k)
      r[k] = k < n ? _mm256_load_ps(rows + (i + k) * stride) : _mm256_setzero_ps();
    transpose(r);
    for (size_t k = 0; k < 8; ++k) {
      char* column = static_cast<char*>(to) + k * to_stride + i * sizeof(float);
      if (around && n == 8)
        _mm256_stream_ps(reinterpret_cast<float*>(column), r[k]);
      else
        store_floats(column, r[k], n);
    }
  }
}

// Moves what was found of `count` blocks to where it belongs, from block `first` on.
template <int kBits>
void store_part(const Part& part, size_t cols, size_t first, size_t count, const Strides& strides,
                const Output& y, bool around) {
  const size_t words = count * strides.block_bytes / 4;
  for (size_t col = 0; col < cols; col += 8) {
    const Output to = y.at(col, strides);
    uint8_t* packed = to.packed + first * strides.block_bytes;
    const bool whole = (reinterpret_cast<uintptr_t>(packed) | strides.bytes) % kLine == 0;
    store_columns(reinterpret_cast<const float*>(part.words) + col, part.cols, words, packed, strides.bytes,
                  around && whole);
    store_columns(part.scales + col, part.cols, count, to.scales + first, strides.blocks * sizeof(float),
                  false);
    if (!y.zero_points) continue;
    for (size_t k = 0; k < 8; ++k)
      for (size_t block = 0; block < count; ++block)
        put_zero_point<kBits>(to.zero_points + k * strides.zero_point_bytes, first + block,
                              part.zero_steps[block * part.cols + col + k]);
  }
}

// Whole blocks of columns whose values lie a row apart. False if there is no memory to work in.
template <int kBits>
bool quantize_rows(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y,
                   size_t begin, size_t end) {
  const size_t whole = layout.rows / layout.block;
  const size_t height = strides.block_bytes < kLine ? kLine / strides.block_bytes : 1;
  const size_t width = end - begin < kPartCols ? end - begin : kPartCols;
  Part part;
  part.allocate(width, height, strides.block_bytes);
  if (!part.ranges) return false;
  const bool around = (end - begin) * layout.rows >= kStream;
  for (size_t from = begin; from < end; from += width) {
    const size_t cols = width < end - from ? width : end - from;
    const Output to = y.at(from, strides);
    for (size_t first = 0; first < whole;) {
      const size_t until_line =
          (kLine - (reinterpret_cast<uintptr_t>(to.packed) + first * strides.block_bytes) % kLine);
      size_t count = height == 1 ? 1 : until_line / strides.block_bytes;
      if (count == 0) count = 1;
      if (count > whole - first) count = whole - first;
      for (size_t block = 0; block < count; ++block)
        quantize_block<kBits>(w + (first + block) * layout.block * layout.cols + from, layout, cols, block,
                              part, !y.zero_points);
      store_part<kBits>(part, cols, first, count, strides, to, around);
      first += count;
    }
  }
  if (around) _mm_sfence();
  part.free();
  return true;
}

}  // namespace
}  // namespace modelpress

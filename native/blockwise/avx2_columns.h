// Blocks of columns whose values lie side by side.
#pragma once

#include "avx2_vector.h"
#include "steps.h"

namespace modelpress {
namespace {

// Of the zeros of a block of zeros the first counts.
inline float first_number(const float* x, size_t rows) {
  size_t i = 0;
  while (i + 1 < rows && x[i] != x[i]) ++i;
  return x[i];
}

// The ranges of up to 8 blocks of one column.
inline Range<Avx2> column_ranges(const float* x, size_t rows, size_t count) {
  __m256 mins[8];
  __m256 maxs[8];
  for (size_t k = 0; k < 8; ++k) {
    auto range = Range<Avx2>::nothing();
    for (size_t i = 0; k < count && i < rows; i += 8) range.fold(_mm256_loadu_ps(x + k * rows + i));
    mins[k] = range.min;
    maxs[k] = range.max;
  }
  Avx2::transpose(mins);
  Avx2::transpose(maxs);
  Range<Avx2> all = {mins[0], maxs[0]};
  for (size_t k = 1; k < 8; ++k) {
    all.min = _mm256_min_ps(mins[k], all.min);
    all.max = _mm256_max_ps(maxs[k], all.max);
  }
  const __m256 zero = _mm256_setzero_ps();
  const __m256 is_zero =
      _mm256_and_ps(_mm256_cmp_ps(all.min, zero, _CMP_EQ_OQ), _mm256_cmp_ps(all.max, zero, _CMP_EQ_OQ));
  if (_mm256_movemask_ps(is_zero) == 0) return all;
  alignas(32) float first[8] = {};
  for (size_t k = 0; k < count; ++k) first[k] = first_number(x + k * rows, rows);
  const __m256 zeros = _mm256_load_ps(first);
  return {_mm256_blendv_ps(all.min, zeros, is_zero), _mm256_blendv_ps(all.max, zeros, is_zero)};
}

// 16 or 32 rows of one column.
template <int kBits, bool kIsExtreme>
inline void quantize_rows_of_column(const Steps<Avx2, kBits, kIsExtreme>& steps, const float* values,
                                    size_t count, uint8_t* y) {
  const __m256i none = _mm256_setzero_si256();
  const __m256i mixed =
      bytes_of<Avx2>(steps.of(values), steps.of(values + 8), count > 16 ? steps.of(values + 16) : none,
                     count > 16 ? steps.of(values + 24) : none);
  const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  const __m128i first = _mm256_castsi256_si128(bytes);
  const auto to = reinterpret_cast<__m128i*>(y);
  if (kBits == 8) {
    _mm_storeu_si128(to, first);
    if (count > 16) _mm_storeu_si128(to + 1, _mm256_extracti128_si256(bytes, 1));
    return;
  }
  const __m256i small = _mm256_min_epu8(bytes, _mm256_set1_epi8(15));
  const __m256i pairs = _mm256_maddubs_epi16(small, _mm256_set1_epi16(0x1001));
  const __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  if (count > 16)
    _mm_storeu_si128(to, packed);
  else
    _mm_storel_epi64(to, packed);
}

template <int kBits, bool kIsExtreme>
inline void quantize_column_blocks(const float* x, size_t rows, size_t count, const float* reciprocals,
                                   const float* zero_points, uint8_t* y) {
  const size_t step = rows < 32 ? rows : 32;
  for (size_t k = 0; k < count; ++k) {
    const Steps<Avx2, kBits, kIsExtreme> steps(Avx2::all(reciprocals[k]), Avx2::all(zero_points[k]));
    for (size_t i = 0; i < rows; i += step, x += step, y += step * kBits / 8)
      quantize_rows_of_column(steps, x, step, y);
  }
}

// Up to 8 whole blocks of one column whose values lie side by side, from block `first` on.
template <int kBits>
void quantize_column(const float* x, size_t rows, size_t first, size_t count, const Strides& strides,
                     const Output& y) {
  const auto params = params_of<Avx2, kBits>(column_ranges(x, rows, count), !y.zero_points);
  const __m256 reciprocal = params.reciprocal();
  alignas(32) float reciprocals[8], zero_points[8];
  _mm256_store_ps(reciprocals, reciprocal);
  _mm256_store_ps(zero_points, params.zero_point);
  Avx2::store_first(y.scales + first, params.scale, count);
  if (y.zero_points)
    for (size_t k = 0; k < count; ++k)
      put_zero_point<kBits>(y.zero_points, first + k, static_cast<uint32_t>(zero_points[k]));
  uint8_t* to = y.packed + first * strides.block_bytes;
  if (is_extreme<Avx2>(reciprocal))
    quantize_column_blocks<kBits, true>(x, rows, count, reciprocals, zero_points, to);
  else
    quantize_column_blocks<kBits, false>(x, rows, count, reciprocals, zero_points, to);
}

template <int kBits>
void quantize_columns(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y,
                      size_t begin, size_t end) {
  const size_t whole = layout.rows / layout.block;
  for (size_t col = begin; col < end; ++col)
    for (size_t first = 0; first < whole; first += 8)
      quantize_column<kBits>(w + col * layout.rows + first * layout.block, layout.block, first,
                             whole - first < 8 ? whole - first : 8, strides, y.at(col, strides));
}

// The last block of a column where it is not whole. NaN stands for what follows its rows: it does not count
// for the range and becomes 0.
template <int kBits>
void quantize_rest(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  const size_t block = strides.blocks - 1;
  const size_t first = block * layout.block;
  const size_t rows = layout.rows - first;
  const size_t stride = layout.transposed ? 1 : layout.cols;
  float values[kLargestBlock];
  const float nan = _mm_cvtss_f32(_mm_castsi128_ps(_mm_set1_epi32(0x7fc00000)));
  for (size_t row = 0; row < layout.block; ++row) values[row] = row < rows ? w[(first + row) * stride] : nan;
  quantize_column<kBits>(values, layout.block, block, 1, strides, y);
  settle_last_half(y.packed, layout);
}

}  // namespace
}  // namespace modelpress

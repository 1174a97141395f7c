#include <immintrin.h>

#include "../kernels.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;
constexpr size_t kSmallestBlock = 16;
constexpr size_t kLargestBlock = 256;

// Values of a part of the matrix that stays in the second cache between the two looks at it.
constexpr size_t kBand = 65536;

// A line of the cache: what a column gets of such a part is at least that long, so that it is written at
// once.
constexpr size_t kLine = 64;

// From these many values on, they go around the cache, as in dequantize_linear.
constexpr size_t kStream = size_t{8} << 20;

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

// Of 8 columns.
struct Range {
  __m256 min, max;

  // The second operand stays where v is not less, or not greater: of NaN and of equals.
  void fold(__m256 v) {
    min = _mm256_min_ps(v, min);
    max = _mm256_max_ps(v, max);
  }
};

inline Range nothing() { return {_mm256_set1_ps(kLargest), _mm256_set1_ps(-kLargest)}; }

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

// Ties away from zero: the largest float below 0.5 takes every tie up, and nothing that is less than a tie.
inline __m256i round_away(__m256 v) {
  return _mm256_cvttps_epi32(_mm256_add_ps(v, _mm256_set1_ps(0x1.fffffep-2f)));
}

struct Params {
  __m256 scale, zero_point;
};

template <int kBits>
inline Params symmetric_params(const Range& range) {
  constexpr float kMid = 1 << (kBits - 1);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 is_max =
      _mm256_cmp_ps(_mm256_andnot_ps(sign, range.max), _mm256_andnot_ps(sign, range.min), _CMP_GT_OQ);
  const __m256 far = _mm256_blendv_ps(range.min, range.max, is_max);
  return {_mm256_mul_ps(far, _mm256_set1_ps(-1.0f / kMid)), _mm256_set1_ps(kMid)};
}

// max gives its second operand on NaN, which infinite ranges make.
template <int kBits>
inline Params asymmetric_params(const Range& range) {
  const __m256 zero = _mm256_setzero_ps();
  const __m256 most = _mm256_set1_ps((1 << kBits) - 1);
  const __m256 min = _mm256_min_ps(zero, range.min);
  const __m256 max = _mm256_max_ps(zero, range.max);
  const __m256 scale = _mm256_div_ps(_mm256_sub_ps(max, min), most);
  const __m256 has_scale = _mm256_cmp_ps(scale, zero, _CMP_NEQ_UQ);
  const __m256 point = _mm256_and_ps(_mm256_sub_ps(zero, _mm256_div_ps(min, scale)), has_scale);
  return {scale, _mm256_cvtepi32_ps(round_away(_mm256_min_ps(_mm256_max_ps(point, zero), most)))};
}

// Four rows as bytes: of each half of the columns, four of the first row, then of the others. Saturates, and
// makes 0 of what a NaN was converted to.
inline __m256i bytes_of(__m256i a, __m256i b, __m256i c, __m256i d) {
  return _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
}

// What bytes_of made, with the four bytes of a column side by side.
inline __m256i columns_of(__m256i bytes) {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order));
}

// Four words of each of 8 columns become columns 0 and 4, 1 and 5, 2 and 6, 3 and 7, and back.
inline void transpose_words(__m256i (&w)[4]) {
  const __m256i a = _mm256_unpacklo_epi32(w[0], w[1]);
  const __m256i b = _mm256_unpackhi_epi32(w[0], w[1]);
  const __m256i c = _mm256_unpacklo_epi32(w[2], w[3]);
  const __m256i d = _mm256_unpackhi_epi32(w[2], w[3]);
  w[0] = _mm256_unpacklo_epi64(a, c);
  w[1] = _mm256_unpackhi_epi64(a, c);
  w[2] = _mm256_unpacklo_epi64(b, d);
  w[3] = _mm256_unpackhi_epi64(b, d);
}

inline void store_words(uint8_t* y, size_t stride, size_t count, __m256i (&w)[4]) {
  transpose_words(w);
  for (size_t k = 0; k < 4; ++k) {
    auto* low = reinterpret_cast<__m128i*>(y + k * stride);
    auto* high = reinterpret_cast<__m128i*>(y + (k + 4) * stride);
    if (count == 4) {
      _mm_storeu_si128(low, _mm256_castsi256_si128(w[k]));
      _mm_storeu_si128(high, _mm256_extracti128_si256(w[k], 1));
    } else {
      _mm_storel_epi64(low, _mm256_castsi256_si128(w[k]));
      _mm_storel_epi64(high, _mm256_extracti128_si256(w[k], 1));
    }
  }
}

inline __m128i load_words(const uint8_t* x, size_t count) {
  const auto* p = reinterpret_cast<const __m128i*>(x);
  return count == 4 ? _mm_loadu_si128(p) : _mm_loadl_epi64(p);
}

// round(w * reciprocal + zero point) of one block of each of 8 columns.
template <int kBits, bool kIsExtreme>
struct Steps {
  __m256 reciprocal, zero_point;

  __m256i row(const float* values) const {
    __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(values), reciprocal), zero_point);
    // Only a product with an infinite reciprocal can be too large for an integer; min keeps NaN here.
    if (kIsExtreme) v = _mm256_min_ps(_mm256_set1_ps((1 << kBits) - 1), v);
    return round_away(v);  // what is below 0 is above -1
  }

  // 32 / kBits rows, a word per column.
  __m256i word(const float* values, size_t stride) const {
    const auto q = [&](size_t i) { return row(values + i * stride); };
    if (kBits == 8) return columns_of(bytes_of(q(0), q(1), q(2), q(3)));
    const __m256i most = _mm256_set1_epi8(15);
    const __m256i low = _mm256_min_epu8(bytes_of(q(0), q(2), q(4), q(6)), most);
    const __m256i high = _mm256_min_epu8(bytes_of(q(1), q(3), q(5), q(7)), most);
    return columns_of(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)));
  }

  void store(const float* values, size_t stride, size_t rows, uint8_t* y, size_t bytes) const {
    constexpr size_t kRows = 32 / kBits;
    const size_t count = rows < 4 * kRows ? rows / kRows : 4;
    for (size_t first = 0; first < rows; first += count * kRows, y += 16) {
      __m256i words[4] = {};
      for (size_t k = 0; k < count; ++k) words[k] = word(values + (first + k * kRows) * stride, stride);
      store_words(y, bytes, count, words);
    }
  }
};

template <int kBits>
inline void store_params(const Params& params, size_t block, const Strides& strides, const Output& y) {
  alignas(32) float scale[8];
  alignas(32) int32_t point[8];
  _mm256_store_ps(scale, params.scale);
  for (size_t k = 0; k < 8; ++k) y.scales[k * strides.blocks + block] = scale[k];
  if (!y.zero_points) return;
  _mm256_store_si256(reinterpret_cast<__m256i*>(point), _mm256_cvttps_epi32(params.zero_point));
  for (size_t k = 0; k < 8; ++k) {
    uint8_t* p = y.zero_points + k * strides.zero_point_bytes + block * kBits / 8;
    if (kBits == 8)
      *p = static_cast<uint8_t>(point[k]);
    else
      *p = static_cast<uint8_t>(block % 2 == 0 ? point[k] | 0x80 : (*p & 15) | point[k] << 4);
  }
}

// One block of each of 8 columns.
template <int kBits>
inline void quantize_block(const Range& range, const float* values, size_t stride, size_t block,
                           const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  const Params params = y.zero_points ? asymmetric_params<kBits>(range) : symmetric_params<kBits>(range);
  store_params<kBits>(params, block, strides, y);
  const __m256 has_scale = _mm256_cmp_ps(params.scale, _mm256_setzero_ps(), _CMP_NEQ_UQ);
  const __m256 reciprocal = _mm256_and_ps(_mm256_div_ps(_mm256_set1_ps(1.0f), params.scale), has_scale);
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), reciprocal);
  const __m256 is_infinite = _mm256_cmp_ps(magnitude, _mm256_set1_ps(kLargest), _CMP_GT_OQ);
  uint8_t* to = y.packed + block * strides.block_bytes;
  if (_mm256_movemask_ps(is_infinite) == 0)
    Steps<kBits, false>{reciprocal, params.zero_point}.store(values, stride, layout.block, to, strides.bytes);
  else
    Steps<kBits, true>{reciprocal, params.zero_point}.store(values, stride, layout.block, to, strides.bytes);
}

// The last block where it is not whole: what follows the rows is as the contract says.
template <int kBits>
void quantize_rest(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  const size_t block = strides.blocks - 1;
  const size_t first = block * layout.block;
  const size_t rows = layout.rows - first;
  const size_t row_stride = layout.transposed ? 1 : layout.cols;
  const size_t col_stride = layout.transposed ? layout.rows : 1;
  alignas(32) float values[kLargestBlock * 8] = {};
  Range range = nothing();
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < 8; ++k) values[8 * row + k] = w[(first + row) * row_stride + k * col_stride];
    range.fold(_mm256_load_ps(values + 8 * row));
  }
  quantize_block<kBits>(range, values, 8, block, layout, strides, y);
  for (size_t k = 0; k < 8; ++k) {
    uint8_t* column = y.packed + k * strides.bytes;
    for (size_t i = (layout.rows * kBits + 7) / 8; i < strides.bytes; ++i) column[i] = 0;
    if (kBits == 8 || rows % 2 == 0) continue;
    uint8_t* last = column + layout.rows / 2;
    const bool is_first = layout.rows % (2 * layout.block) == 1;
    *last = static_cast<uint8_t>((*last & 15) | (is_first ? 0 : last[-1] & 240));
  }
}

// The ranges of one block of each column of a part, four rows at a time in the order in which they lie in
// memory.
inline void find_ranges(const float* w, size_t stride, size_t rows, size_t cols, Range* ranges) {
  for (size_t k = 0; k < cols / 8; ++k) ranges[k] = nothing();
  for (size_t row = 0; row < rows; row += 4, w += 4 * stride)
    for (size_t k = 0; k < cols / 8; ++k) {
      Range range = ranges[k];
      for (size_t i = 0; i < 4; ++i) range.fold(_mm256_loadu_ps(w + i * stride + 8 * k));
      ranges[k] = range;
    }
}

// Brings the part that comes next into the second cache while this one is at work.
struct Ahead {
  const float* values;
  size_t stride, rows, cols;
  size_t col = 0;

  void fetch(size_t lines) {
    for (; lines > 0 && rows > 0; --lines) {
      _mm_prefetch(reinterpret_cast<const char*>(values + col), _MM_HINT_T1);
      col += kLine / sizeof(float);
      if (col < cols) continue;
      col = 0;
      values += stride;
      --rows;
    }
  }
};

template <int kBits>
void quantize_rows(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y,
                   size_t begin, size_t end) {
  const size_t whole = layout.rows / layout.block;
  const size_t height = strides.block_bytes < kLine ? kLine / strides.block_bytes : 1;
  const size_t width = kBand / (height * layout.block);
  Range ranges[kBand / kSmallestBlock / 8];
  for (size_t first = 0; first < whole; first += height) {
    const size_t blocks = height < whole - first ? height : whole - first;
    const size_t block_values = layout.block * layout.cols;
    for (size_t from = begin; from < end; from += width) {
      const size_t cols = width < end - from ? width : end - from;
      const float* x = w + first * block_values + from;
      for (size_t k = 0; k < blocks; ++k)
        find_ranges(x + k * block_values, layout.cols, layout.block, cols, ranges + k * cols / 8);
      Ahead ahead{x + cols, layout.cols, blocks * layout.block, end - from - cols};
      for (size_t col = 0; col < cols; col += 8)
        for (size_t k = 0; k < blocks; ++k) {
          ahead.fetch(layout.block / 2);
          quantize_block<kBits>(ranges[(k * cols + col) / 8], x + k * block_values + col, layout.cols,
                                first + k, layout, strides, y.at(from + col, strides));
        }
    }
  }
}

// 8 columns that lie one after the other, turned into rows.
template <int kBits>
void quantize_cols(const float* w, const BlockwiseLayout& layout, const Strides& strides, const Output& y) {
  alignas(32) float values[kLargestBlock * 8];
  for (size_t block = 0; block < layout.rows / layout.block; ++block) {
    Range range = nothing();
    for (size_t row = 0; row < layout.block; row += 8) {
      __m256 r[8];
      for (size_t k = 0; k < 8; ++k) r[k] = _mm256_loadu_ps(w + k * layout.rows + block * layout.block + row);
      transpose(r);
      for (size_t k = 0; k < 8; ++k) {
        range.fold(r[k]);
        _mm256_store_ps(values + 8 * (row + k), r[k]);
      }
    }
    quantize_block<kBits>(range, values, 8, block, layout, strides, y);
  }
}

template <int kBits>
void quantize(const float* w, const BlockwiseLayout& layout, const Output& y, size_t begin, size_t end) {
  const Strides strides(layout);
  if (!layout.transposed) quantize_rows<kBits>(w, layout, strides, y, begin, end);
  for (size_t col = begin; col < end; col += 8) {
    const float* x = w + col * (layout.transposed ? layout.rows : 1);
    if (layout.transposed) quantize_cols<kBits>(x, layout, strides, y.at(col, strides));
    if (layout.rows % layout.block != 0) quantize_rest<kBits>(x, layout, strides, y.at(col, strides));
  }
}

struct Store {
  void operator()(float* y, __m256 v) const { _mm256_storeu_ps(y, v); }
};

struct Stream {
  void operator()(float* y, __m256 v) const { _mm256_stream_ps(y, v); }
};

// (step - zero point) * scale. NaN only if the scale is not finite, and then its bits would be the
// processor's choice.
inline __m256 product(__m256i q, __m256i zero_point, __m256 scale) {
  const __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(q, zero_point)), scale);
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  return _mm256_blendv_ps(v, nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

template <int kBits>
inline int zero_point_of(const uint8_t* points, size_t block) {
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

// Up to kVectors vectors of columns: so many bytes of a row are written together.
constexpr size_t kVectors = 8;

template <int kBits, class Put>
void dequantize_tile(const Input& x, float* w, const BlockwiseLayout& layout, const Strides& strides,
                     size_t vectors, size_t block, const Put& put) {
  constexpr size_t kRows = 32 / kBits;
  alignas(32) float scales[8 * kVectors];
  alignas(32) int32_t points[8 * kVectors];
  for (size_t k = 0; k < 8 * vectors; ++k) {
    const Input column = x.at(k, strides);
    scales[k] = column.scales[block];
    points[k] = zero_point_of<kBits>(column.zero_points, block);
  }
  const size_t last = (block + 1) * layout.block < layout.rows ? (block + 1) * layout.block : layout.rows;
  const size_t count = layout.block < 4 * kRows ? layout.block / kRows : 4;
  for (size_t row = block * layout.block; row < last;) {
    __m256i words[kVectors][4];
    for (size_t v = 0; v < vectors; ++v) {
      const uint8_t* p = x.packed + 8 * v * strides.bytes + row * kBits / 8;
      for (size_t k = 0; k < 4; ++k)
        words[v][k] = _mm256_set_m128i(load_words(p + (k + 4) * strides.bytes, count),
                                       load_words(p + k * strides.bytes, count));
      transpose_words(words[v]);
    }
    for (size_t k = 0; k < count; ++k)
      for (size_t i = 0; i < kRows && row < last; ++i, ++row)
        for (size_t v = 0; v < vectors; ++v) {
          const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(i * kBits));
          const __m256i q =
              _mm256_and_si256(_mm256_srl_epi32(words[v][k], shift), _mm256_set1_epi32((1 << kBits) - 1));
          const __m256i point = _mm256_load_si256(reinterpret_cast<const __m256i*>(points + 8 * v));
          put(w + row * layout.cols + 8 * v, product(q, point, _mm256_load_ps(scales + 8 * v)));
        }
  }
}

// 16 steps in order, a byte each.
template <int kBits>
inline __m128i steps16(const uint8_t* x) {
  if (kBits == 8) return load_words(x, 4);
  const __m128i bytes = load_words(x, 2);
  const __m128i low = _mm_set1_epi8(15);
  return _mm_unpacklo_epi8(_mm_and_si128(bytes, low), _mm_and_si128(_mm_srli_epi16(bytes, 4), low));
}

// One column whose values lie one after the other.
template <int kBits, class Put>
void dequantize_col(const Input& x, float* w, const BlockwiseLayout& layout, const Put& put) {
  for (size_t first = 0, block = 0; first < layout.rows; first += layout.block, ++block) {
    const __m256 scale = _mm256_set1_ps(x.scales[block]);
    const __m256i point = _mm256_set1_epi32(zero_point_of<kBits>(x.zero_points, block));
    const size_t last = first + layout.block < layout.rows ? first + layout.block : layout.rows;
    for (size_t row = first; row < last; row += 16) {
      const __m128i q = steps16<kBits>(x.packed + row * kBits / 8);
      const __m256 values[2] = {product(_mm256_cvtepu8_epi32(q), point, scale),
                                product(_mm256_cvtepu8_epi32(_mm_srli_si128(q, 8)), point, scale)};
      if (row + 16 <= last) {
        put(w + row, values[0]);
        put(w + row + 8, values[1]);
        continue;
      }
      alignas(32) float rest[16];
      _mm256_store_ps(rest, values[0]);
      _mm256_store_ps(rest + 8, values[1]);
      for (size_t i = 0; row + i < last; ++i) w[row + i] = rest[i];
    }
  }
}

template <int kBits, class Put>
void dequantize(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end,
                const Put& put) {
  const Strides strides(layout);
  if (layout.transposed) {
    for (size_t col = begin; col < end; ++col)
      dequantize_col<kBits>(x.at(col, strides), w + col * layout.rows, layout, put);
    return;
  }
  for (size_t block = 0; block < strides.blocks; ++block)
    for (size_t col = begin; col < end; col += 8 * kVectors) {
      const size_t vectors = 8 * kVectors < end - col ? kVectors : (end - col) / 8;
      dequantize_tile<kBits>(x.at(col, strides), w + col, layout, strides, vectors, block, put);
    }
}

template <class Put>
void dequantize(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end,
                const Put& put) {
  if (layout.bits == 4)
    dequantize<4>(x, w, layout, begin, end, put);
  else
    dequantize<8>(x, w, layout, begin, end, put);
}

inline bool is_streamed(const float* w, const BlockwiseLayout& layout) {
  const size_t line = layout.transposed ? layout.rows : layout.cols;
  return layout.rows * layout.cols >= kStream && line % 8 == 0 &&
         (reinterpret_cast<uintptr_t>(w) & (sizeof(__m256) - 1)) == 0;
}

}  // namespace

void avx2::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                              const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = begin + (end - begin) / 8 * 8;
  const Output y{packed, scales, zero_points};
  if (layout.bits == 4)
    quantize<4>(w, layout, y, begin, rest);
  else
    quantize<8>(w, layout, y, begin, rest);
  scalar::quantize_blockwise(w, packed, scales, zero_points, layout, rest, end);
}

void avx2::dequantize_blockwise(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t rest = layout.transposed ? end : begin + (end - begin) / 8 * 8;
  const Input x{packed, scales, zero_points};
  if (is_streamed(w, layout)) {
    dequantize(x, w, layout, begin, rest, Stream{});
    _mm_sfence();
  } else {
    dequantize(x, w, layout, begin, rest, Store{});
  }
  scalar::dequantize_blockwise(packed, scales, zero_points, w, layout, rest, end);
}

}  // namespace modelpress

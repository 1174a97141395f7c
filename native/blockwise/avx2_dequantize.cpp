#include <immintrin.h>

#include "columns.h"

namespace modelpress {
namespace {

// From these many values on, they go around the cache, as in dequantize_linear.
constexpr size_t kStream = size_t{8} << 20;

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

inline __m128i load_words(const uint8_t* x, size_t count) {
  const auto* p = reinterpret_cast<const __m128i*>(x);
  return count == 4 ? _mm_loadu_si128(p) : _mm_loadl_epi64(p);
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

// Up to kVectors vectors of columns: so many bytes of a row are written together.
constexpr size_t kVectors = 8;
constexpr size_t kLine = 64;
// Columns before the first one that a line begins with, at most.
constexpr size_t kHead = kLine / sizeof(float);

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
void dequantize_column(const Input& x, float* w, const BlockwiseLayout& layout, const Put& put) {
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

template <int kBits>
void dequantize_columns(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Strides strides(layout);
  const bool around = layout.rows * layout.cols >= kStream && layout.rows % 8 == 0 &&
                      (reinterpret_cast<uintptr_t>(w) & (sizeof(__m256) - 1)) == 0;
  for (size_t col = begin; col < end; ++col) {
    if (around)
      dequantize_column<kBits>(x.at(col, strides), w + col * layout.rows, layout, Stream{});
    else
      dequantize_column<kBits>(x.at(col, strides), w + col * layout.rows, layout, Store{});
  }
  if (around) _mm_sfence();
}

// At least kHead columns whose values lie a row apart.
template <int kBits>
void dequantize_rows(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Strides strides(layout);
  const bool around = layout.rows * layout.cols >= kStream && layout.cols % 8 == 0 &&
                      (reinterpret_cast<uintptr_t>(w) & (sizeof(float) - 1)) == 0;
  const size_t until_line = (kLine - (reinterpret_cast<uintptr_t>(w + begin) & (kLine - 1))) / sizeof(float);
  const size_t head = around ? until_line : 0;
  for (size_t block = 0; block < strides.blocks; ++block) {
    const auto tile = [&](size_t col, size_t vectors, const auto& put) {
      dequantize_tile<kBits>(x.at(col, strides), w + col, layout, strides, vectors, block, put);
    };
    // The first and the last tile overlap their neighbours, which write the same values.
    if (around) tile(begin, kHead / 8, Store{});
    size_t col = begin + head;
    for (; col + 8 <= end; col += 8 * kVectors) {
      const size_t vectors = 8 * kVectors < end - col ? kVectors : (end - col) / 8;
      if (around)
        tile(col, vectors, Stream{});
      else
        tile(col, vectors, Store{});
    }
    if (around) tile(end - 8, 1, Store{});
  }
  if (around) _mm_sfence();
}

template <int kBits>
void dequantize(const Input& x, float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  if (layout.transposed)
    dequantize_columns<kBits>(x, w, layout, begin, end);
  else if (end - begin >= kHead)
    dequantize_rows<kBits>(x, w, layout, begin, end);
}

}  // namespace

void avx2::dequantize_blockwise(const uint8_t* packed, const float* scales, const uint8_t* zero_points,
                                float* w, const BlockwiseLayout& layout, size_t begin, size_t end) {
  const Input x{packed, scales, zero_points};
  size_t rest = end;
  if (!layout.transposed) rest = end - begin < kHead ? begin : begin + (end - begin) / 8 * 8;
  if (layout.bits == 4)
    dequantize<4>(x, w, layout, begin, rest);
  else
    dequantize<8>(x, w, layout, begin, rest);
  scalar::dequantize_blockwise(packed, scales, zero_points, w, layout, rest, end);
}

}  // namespace modelpress

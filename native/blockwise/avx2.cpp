#include "avx2_columns.h"
#include "avx2_rows.h"

namespace modelpress {
namespace {

template <int kBits>
bool quantize(const float* w, const BlockwiseLayout& layout, const Output& y, size_t begin, size_t end) {
  const Strides strides(layout);
  if (layout.transposed)
    quantize_columns<kBits>(w, layout, strides, y, begin, end);
  else if (!quantize_rows<kBits>(w, layout, strides, y, begin, end))
    return false;
  if (layout.rows % layout.block != 0)
    for (size_t col = begin; col < end; ++col)
      quantize_rest<kBits>(w + col * (layout.transposed ? layout.rows : 1), layout, strides,
                           y.at(col, strides));
  return true;
}

}  // namespace

void avx2::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                              const BlockwiseLayout& layout, size_t begin, size_t end) {
  const size_t vectors = layout.transposed ? end : begin + (end - begin) / 8 * 8;
  const Output y{packed, scales, zero_points};
  const bool done = vectors > begin && (layout.bits == 4 ? quantize<4>(w, layout, y, begin, vectors)
                                                         : quantize<8>(w, layout, y, begin, vectors));
  scalar::quantize_blockwise(w, packed, scales, zero_points, layout, done ? vectors : begin, end);
}

}  // namespace modelpress

// The blocks of columns that lie either way, in vectors of V where they lie a row apart. Each file that
// includes it gets its own copy, as with ahead.h.
#pragma once

#include "avx2_columns.h"
#include "rows.h"

namespace modelpress {
namespace {

template <class V, int kBits>
bool quantize_bits(const float* w, const BlockwiseLayout& layout, const Output& y, size_t begin, size_t end) {
  const Strides strides(layout);
  if (layout.transposed)
    quantize_columns<kBits>(w, layout, strides, y, begin, end);
  else if (!quantize_rows<V, kBits>(w, layout, strides, y, begin, end))
    return false;
  if (layout.rows % layout.block != 0)
    for (size_t col = begin; col < end; ++col)
      quantize_rest<kBits>(w + col * (layout.transposed ? layout.rows : 1), layout, strides,
                           y.at(col, strides));
  return true;
}

// Columns [begin, end), unless they are too few for a vector, or there is no memory to work in. Returns
// whether they are done.
template <class V>
bool quantize_blocks(const float* w, const BlockwiseLayout& layout, const Output& y, size_t begin,
                     size_t end) {
  if (!layout.transposed && end - begin < V::kFloats) return false;
  return layout.bits == 4 ? quantize_bits<V, 4>(w, layout, y, begin, end)
                          : quantize_bits<V, 8>(w, layout, y, begin, end);
}

}  // namespace
}  // namespace modelpress

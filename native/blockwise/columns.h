// How columns lie in the arrays of blocks. Each file that includes it gets its own copy, as with ahead.h.
#pragma once

#include "kernels.h"

namespace modelpress {
namespace {

// What a column takes in each of the arrays.
struct Strides {
  size_t blocks, block_bytes, bytes, zero_point_bytes;

  explicit Strides(const BlockwiseLayout& layout)
      : blocks((layout.rows + layout.block - 1) / layout.block),
        block_bytes(layout.block * layout.bits / 8),
        bytes(blocks * block_bytes),
        zero_point_bytes((blocks * layout.bits + 7) / 8) {}
};

// The arrays from one column on.
template <class Byte, class Float>
struct Columns {
  Byte* packed;
  Float* scales;
  Byte* zero_points;

  Columns at(size_t col, const Strides& strides) const {
    return {packed + col * strides.bytes, scales + col * strides.blocks,
            zero_points ? zero_points + col * strides.zero_point_bytes : nullptr};
  }
};
using Input = Columns<const uint8_t, const float>;
using Output = Columns<uint8_t, float>;

template <int kBits>
inline int32_t zero_point_of(const uint8_t* points, size_t block) {
  if (!points) return 1 << (kBits - 1);
  return kBits == 8 ? points[block] : points[block / 2] >> (block % 2 != 0 ? 4 : 0) & 15;
}

template <int kBits>
inline void put_zero_point(uint8_t* points, size_t block, uint32_t point) {
  uint8_t* p = points + block * kBits / 8;
  if (kBits == 8)
    *p = static_cast<uint8_t>(point);
  else
    *p = static_cast<uint8_t>(block % 2 == 0 ? point | 0x80 : (*p & 15) | point << 4);
}

// The half byte that no row takes after an odd number of rows, as the contract says; `packed` is the column.
inline void settle_last_half(uint8_t* packed, const BlockwiseLayout& layout) {
  if (layout.bits == 8 || layout.rows % 2 == 0) return;
  uint8_t* last = packed + layout.rows / 2;
  const bool is_first = layout.rows % (2 * layout.block) == 1;
  *last = static_cast<uint8_t>((*last & 15) | (is_first ? 0 : last[-1] & 240));
}

}  // namespace
}  // namespace modelpress

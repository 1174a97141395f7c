// Each file that includes it gets its own copy, as with ahead.h.
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

}  // namespace
}  // namespace modelpress

#include "blocks.h"

namespace modelpress {

void avx2::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                              const BlockwiseLayout& layout, size_t begin, size_t end) {
  if (!quantize_blocks<Avx2>(w, layout, {packed, scales, zero_points}, begin, end))
    scalar::quantize_blockwise(w, packed, scales, zero_points, layout, begin, end);
}

}  // namespace modelpress

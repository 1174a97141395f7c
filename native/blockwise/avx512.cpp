#include "avx512_vector.h"
#include "blocks.h"

namespace modelpress {

void avx512::quantize_blockwise(const float* w, uint8_t* packed, float* scales, uint8_t* zero_points,
                                const BlockwiseLayout& layout, size_t begin, size_t end) {
  if (!quantize_blocks<Avx512>(w, layout, {packed, scales, zero_points}, begin, end))
    avx2::quantize_blockwise(w, packed, scales, zero_points, layout, begin, end);
}

}  // namespace modelpress

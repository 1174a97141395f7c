// What both directions use on Arm. Each file that includes it gets its own copy, as with ahead.h.
#pragma once

#include <arm_neon.h>

#include "columns.h"

namespace modelpress {
namespace {

inline void transpose(uint32x4_t (&w)[4]) {
  const uint64x2_t a = vreinterpretq_u64_u32(vtrn1q_u32(w[0], w[1]));
  const uint64x2_t b = vreinterpretq_u64_u32(vtrn2q_u32(w[0], w[1]));
  const uint64x2_t c = vreinterpretq_u64_u32(vtrn1q_u32(w[2], w[3]));
  const uint64x2_t d = vreinterpretq_u64_u32(vtrn2q_u32(w[2], w[3]));
  w[0] = vreinterpretq_u32_u64(vtrn1q_u64(a, c));
  w[1] = vreinterpretq_u32_u64(vtrn1q_u64(b, d));
  w[2] = vreinterpretq_u32_u64(vtrn2q_u64(a, c));
  w[3] = vreinterpretq_u32_u64(vtrn2q_u64(b, d));
}

}  // namespace
}  // namespace modelpress

// Moves the lanes of a vector, in orders of lane_orders.h. Each file that includes it gets its own copy.
#pragma once

#include <arm_neon.h>

#include "lane_orders.h"

namespace modelpress {
namespace {

inline uint32x4_t moved_lanes(uint32x4_t v, const uint8_t (&order)[8]) {
  const uint32x4_t lanes = vmovl_u16(vget_low_u16(vmovl_u8(vld1_u8(order))));
  const uint32x4_t bytes = vmlaq_n_u32(vdupq_n_u32(0x03020100), lanes, 0x04040404);
  return vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(v), vreinterpretq_u8_u32(bytes)));
}

// The set of lanes in which all bits, or some of them, are set.
inline unsigned lanes_of(uint32x4_t v) {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vtstq_u32(v, v), bits));
}

}  // namespace
}  // namespace modelpress

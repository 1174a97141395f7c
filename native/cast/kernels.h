#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Rounds to nearest, ties to even; too large becomes infinite, subnormals stay. Either way a NaN keeps its
// sign and the upper bits of its payload and comes out quiet, as F16C makes it.
template <class In, class Out>
using Cast = void(const In* x, Out* y, size_t n);

// Two 4-bit values per byte, the first in the low half; the high half after an odd number of them is 0.
// Packing saturates to the four bits. n counts the values.
template <class Q>
using Pack4 = void(const Q* x, uint8_t* y, size_t n);
template <class Q>
using Unpack4 = void(const uint8_t* x, Q* y, size_t n);

namespace scalar {
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
}  // namespace scalar
namespace avx2 {
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
}  // namespace avx2
namespace neon {
Cast<float, uint16_t> float32_to_float16;
Cast<uint16_t, float> float16_to_float32;
Cast<float, uint16_t> float32_to_bfloat16;
Cast<uint16_t, float> bfloat16_to_float32;
Pack4<int8_t> pack_s4;
Pack4<uint8_t> pack_u4;
Unpack4<int8_t> unpack_s4;
Unpack4<uint8_t> unpack_u4;
}  // namespace neon

}  // namespace modelpress

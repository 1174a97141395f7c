#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// How many elements of x have a bit of mask set.
template <class T>
using CountNonzero = size_t(const T* x, size_t n, T mask);

// What is not stored is an element of which every bit is 0, +0 alone of a float: all come back bit for bit.
// Bit i % 8 of bitmask[i / 8] says whether x[i] is stored, bits after the last are 0; values gets what is
// stored, one after the other, as far as there is room. Returns how many these are, with those that there was
// no room for. What else is in the room is left open.
template <class T>
using PackBitmask = size_t(const T* x, size_t n, uint8_t* bitmask, T* values, size_t room);

// y[i] = the next one of values where bit i % 8 of bitmask[i / 8] is set, else 0, and 0 after the last of
// them. Returns how many were used.
template <class T>
using UnpackBitmask = size_t(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n);

// values: the elements of x of which a bit is set, one after the other, as far as there is room; columns:
// where each of them is. Returns how many these are, with those that there was no room for. What else is in
// the room is left open.
using GatherNonzero = size_t(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values, size_t room);

namespace scalar {
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
}  // namespace scalar
namespace avx2 {
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
}  // namespace avx2
namespace neon {
CountNonzero<uint8_t> count_nonzero_u8;
CountNonzero<uint16_t> count_nonzero_u16;
CountNonzero<uint32_t> count_nonzero_u32;
PackBitmask<uint8_t> pack_bitmask_u8;
PackBitmask<uint16_t> pack_bitmask_u16;
PackBitmask<uint32_t> pack_bitmask_u32;
UnpackBitmask<uint8_t> unpack_bitmask_u8;
UnpackBitmask<uint16_t> unpack_bitmask_u16;
UnpackBitmask<uint32_t> unpack_bitmask_u32;
GatherNonzero gather_nonzero_u32;
}  // namespace neon

}  // namespace modelpress

#include "kernels.h"

namespace modelpress {
namespace {

template <class T>
inline size_t count_nonzero(const T* x, size_t n, T mask) {
  size_t count = 0;
  for (size_t i = 0; i < n; ++i) count += (x[i] & mask) != 0 ? 1 : 0;
  return count;
}

template <class T>
inline size_t pack_bitmask(const T* x, size_t n, uint8_t* bitmask, T* values, size_t room) {
  size_t stored = 0;
  for (size_t first = 0; first < n; first += 8) {
    unsigned bits = 0;
    for (size_t i = first; i < n && i < first + 8; ++i) {
      if (x[i] == 0) continue;
      bits |= 1u << (i - first);
      if (stored < room) values[stored] = x[i];
      ++stored;
    }
    bitmask[first / 8] = static_cast<uint8_t>(bits);
  }
  return stored;
}

template <class T>
inline size_t unpack_bitmask(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n) {
  size_t used = 0;
  for (size_t i = 0; i < n; ++i) {
    const bool is_stored = (bitmask[i / 8] >> (i % 8) & 1) != 0 && used < count;
    y[i] = is_stored ? values[used++] : T{0};
  }
  return used;
}

}  // namespace

size_t scalar::count_nonzero_u8(const uint8_t* x, size_t n, uint8_t mask) {
  return count_nonzero(x, n, mask);
}

size_t scalar::count_nonzero_u16(const uint16_t* x, size_t n, uint16_t mask) {
  return count_nonzero(x, n, mask);
}

size_t scalar::count_nonzero_u32(const uint32_t* x, size_t n, uint32_t mask) {
  return count_nonzero(x, n, mask);
}

size_t scalar::pack_bitmask_u8(const uint8_t* x, size_t n, uint8_t* bitmask, uint8_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room);
}

size_t scalar::pack_bitmask_u16(const uint16_t* x, size_t n, uint8_t* bitmask, uint16_t* values,
                                size_t room) {
  return pack_bitmask(x, n, bitmask, values, room);
}

size_t scalar::pack_bitmask_u32(const uint32_t* x, size_t n, uint8_t* bitmask, uint32_t* values,
                                size_t room) {
  return pack_bitmask(x, n, bitmask, values, room);
}

size_t scalar::unpack_bitmask_u8(const uint8_t* bitmask, const uint8_t* values, size_t count, uint8_t* y,
                                 size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n);
}

size_t scalar::unpack_bitmask_u16(const uint8_t* bitmask, const uint16_t* values, size_t count, uint16_t* y,
                                  size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n);
}

size_t scalar::unpack_bitmask_u32(const uint8_t* bitmask, const uint32_t* values, size_t count, uint32_t* y,
                                  size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n);
}

size_t scalar::gather_nonzero_u32(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values,
                                  size_t room) {
  size_t found = 0;
  for (size_t i = 0; i < n; ++i) {
    if (x[i] == 0) continue;
    if (found < room) {
      columns[found] = static_cast<int32_t>(i);
      values[found] = x[i];
    }
    ++found;
  }
  return found;
}

}  // namespace modelpress

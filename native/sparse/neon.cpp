#include <arm_neon.h>

#include <cstring>

#include "../neon_lanes.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;  // elements of one byte of a bitmask

// Elements of a vector: as many as its lanes in a set have bits for, eight at most.
template <class T>
struct Some;

template <>
struct Some<uint32_t> {
  static constexpr size_t kCount = 4;
  uint32x4_t all;

  static Some load(const uint32_t* x) { return {vld1q_u32(x)}; }
  void store(uint32_t* y) const { vst1q_u32(y, all); }
  unsigned nonzeros() const { return lanes_of(all); }
  Some moved(const uint8_t (&order)[kStep]) const { return {moved_lanes(all, order)}; }
  Some only(unsigned lanes) const {
    const uint32x4_t bits = {1, 2, 4, 8};
    return {vandq_u32(all, vtstq_u32(vdupq_n_u32(lanes), bits))};
  }
};

template <>
struct Some<uint16_t> {
  static constexpr size_t kCount = 8;
  uint16x8_t all;

  static Some load(const uint16_t* x) { return {vld1q_u16(x)}; }
  void store(uint16_t* y) const { vst1q_u16(y, all); }
  unsigned nonzeros() const {
    const uint16x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddvq_u16(vandq_u16(vtstq_u16(all, all), bits));
  }
  Some moved(const uint8_t (&order)[kStep]) const {
    const uint16x8_t bytes = vmlaq_n_u16(vdupq_n_u16(0x0100), vmovl_u8(vld1_u8(order)), 0x0202);
    return {vreinterpretq_u16_u8(vqtbl1q_u8(vreinterpretq_u8_u16(all), vreinterpretq_u8_u16(bytes)))};
  }
  Some only(unsigned lanes) const {
    const uint16x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return {vandq_u16(all, vtstq_u16(vdupq_n_u16(static_cast<uint16_t>(lanes)), bits))};
  }
};

template <>
struct Some<uint8_t> {
  static constexpr size_t kCount = 8;
  uint8x8_t all;

  static Some load(const uint8_t* x) { return {vld1_u8(x)}; }
  void store(uint8_t* y) const { vst1_u8(y, all); }
  unsigned nonzeros() const {
    const uint8x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddv_u8(vand_u8(vtst_u8(all, all), bits));
  }
  Some moved(const uint8_t (&order)[kStep]) const { return {vtbl1_u8(all, vld1_u8(order))}; }
  Some only(unsigned lanes) const {
    const uint8x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return {vand_u8(all, vtst_u8(vdup_n_u8(static_cast<uint8_t>(lanes)), bits))};
  }
};

inline size_t nonzeros_of(const uint32_t* x, uint32x4_t masks) {
  return vaddvq_u32(vshrq_n_u32(vtstq_u32(vld1q_u32(x), masks), 31));
}
inline size_t nonzeros_of(const uint16_t* x, uint16x8_t masks) {
  return vaddvq_u16(vshrq_n_u16(vtstq_u16(vld1q_u16(x), masks), 15));
}
inline size_t nonzeros_of(const uint8_t* x, uint8x16_t masks) {
  return vaddvq_u8(vshrq_n_u8(vtstq_u8(vld1q_u8(x), masks), 7));
}

template <class T, class Masks>
inline size_t count_nonzero(const T* x, size_t n, Masks masks, size_t& i) {
  constexpr size_t step = 16 / sizeof(T);
  size_t count = 0;
  for (; i + step <= n; i += step) count += nonzeros_of(x + i, masks);
  return count;
}

// Writes a whole vector where there is room for one; the next overwrites what is too much.
template <class T>
inline void store_front(const Some<T>& front, size_t count, T* values, size_t stored, size_t room) {
  if (stored + Some<T>::kCount <= room) return front.store(values + stored);
  if (stored >= room) return;
  T last[kStep];
  front.store(last);
  std::memcpy(values + stored, last, (count < room - stored ? count : room - stored) * sizeof(T));
}

template <class T>
inline size_t pack_bitmask(const T* x, size_t n, uint8_t* bitmask, T* values, size_t room,
                           size_t (*rest)(const T*, size_t, uint8_t*, T*, size_t)) {
  size_t stored = 0;
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    unsigned bits = 0;
    for (size_t k = 0; k < kStep; k += Some<T>::kCount) {
      const Some<T> some = Some<T>::load(x + i + k);
      const unsigned lanes = some.nonzeros();
      bits |= lanes << k;
      if (lanes == 0) continue;
      const size_t count = kLaneOrders.count[lanes];
      store_front(some.moved(kLaneOrders.front[lanes]), count, values, stored, room);
      stored += count;
    }
    bitmask[i / kStep] = static_cast<uint8_t>(bits);
  }
  const size_t used = stored < room ? stored : room;
  return stored + rest(x + i, n - i, bitmask + i / kStep, values + used, room - used);
}

template <class T>
struct Unpacked {
  const uint8_t* bitmask;
  T* y;
  size_t n;
  size_t i = 0;

  // Until all whole bytes are done, or vectors of a byte can no longer be loaded, which the last eight of
  // `loadable` are for. Returns how many values were used.
  size_t unpack(const T* values, size_t count, size_t loadable) {
    size_t used = 0;
    for (; i + kStep <= n && used + kStep <= loadable; i += kStep) {
      const unsigned byte = bitmask[i / kStep];
      for (size_t k = 0; k < kStep; k += Some<T>::kCount) {
        const unsigned lanes = byte >> k & ((1u << Some<T>::kCount) - 1);
        Some<T>::load(values + used).moved(kLaneOrders.rank[lanes]).only(lanes).store(y + i + k);
        used += kLaneOrders.count[lanes];
        if (used > count) used = count;
      }
    }
    return used;
  }
};

template <class T>
inline size_t unpack_bitmask(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n,
                             size_t (*rest)(const uint8_t*, const T*, size_t, T*, size_t)) {
  Unpacked<T> unpacked{bitmask, y, n};
  size_t used = unpacked.unpack(values, count, count);
  const size_t left = count - used;
  if (left < kStep) {
    T last[2 * kStep] = {};
    if (left > 0) std::memcpy(last, values + used, left * sizeof(T));  // of none, values may be null
    used += unpacked.unpack(last, left, 2 * kStep);
  }
  const size_t i = unpacked.i;
  return used + rest(bitmask + i / kStep, values + used, count - used, y + i, n - i);
}

}  // namespace

size_t neon::count_nonzero_u8(const uint8_t* x, size_t n, uint8_t mask) {
  size_t i = 0;
  const size_t count = count_nonzero(x, n, vdupq_n_u8(mask), i);
  return count + scalar::count_nonzero_u8(x + i, n - i, mask);
}

size_t neon::count_nonzero_u16(const uint16_t* x, size_t n, uint16_t mask) {
  size_t i = 0;
  const size_t count = count_nonzero(x, n, vdupq_n_u16(mask), i);
  return count + scalar::count_nonzero_u16(x + i, n - i, mask);
}

size_t neon::count_nonzero_u32(const uint32_t* x, size_t n, uint32_t mask) {
  size_t i = 0;
  const size_t count = count_nonzero(x, n, vdupq_n_u32(mask), i);
  return count + scalar::count_nonzero_u32(x + i, n - i, mask);
}

size_t neon::pack_bitmask_u8(const uint8_t* x, size_t n, uint8_t* bitmask, uint8_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u8);
}

size_t neon::pack_bitmask_u16(const uint16_t* x, size_t n, uint8_t* bitmask, uint16_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u16);
}

size_t neon::pack_bitmask_u32(const uint32_t* x, size_t n, uint8_t* bitmask, uint32_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u32);
}

size_t neon::unpack_bitmask_u8(const uint8_t* bitmask, const uint8_t* values, size_t count, uint8_t* y,
                               size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u8);
}

size_t neon::unpack_bitmask_u16(const uint8_t* bitmask, const uint16_t* values, size_t count, uint16_t* y,
                                size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u16);
}

size_t neon::unpack_bitmask_u32(const uint8_t* bitmask, const uint32_t* values, size_t count, uint32_t* y,
                                size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u32);
}

size_t neon::gather_nonzero_u32(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values,
                                size_t room) {
  constexpr size_t step = Some<uint32_t>::kCount;
  Some<uint32_t> places = {{0, 1, 2, 3}};
  size_t found = 0;
  size_t i = 0;
  for (; i + step <= n && found + step <= room; i += step) {
    const Some<uint32_t> some = Some<uint32_t>::load(x + i);
    const unsigned lanes = some.nonzeros();
    some.moved(kLaneOrders.front[lanes]).store(values + found);
    places.moved(kLaneOrders.front[lanes]).store(reinterpret_cast<uint32_t*>(columns + found));
    places.all = vaddq_u32(places.all, vdupq_n_u32(step));
    found += kLaneOrders.count[lanes];
  }
  const size_t used = found < room ? found : room;
  const size_t rest = scalar::gather_nonzero_u32(x + i, n - i, columns + used, values + used, room - used);
  for (size_t k = used; k < room && k < used + rest; ++k) columns[k] += static_cast<int32_t>(i);
  return found + rest;
}

}  // namespace modelpress

#include <arm_neon.h>

#include "../neon_lanes.h"
#include "nonzeros.h"

namespace modelpress {
namespace {

// What elements of any width share.
template <class T, size_t count_of>
struct SomeOf {
  static constexpr size_t kCount = count_of;

  static void fetch_ahead(const T*) {}
  static bool streams(const T*, size_t) { return false; }
  static void fence() {}
  static size_t count(unsigned lanes) { return kLaneOrders.count[lanes]; }
};

// Elements of a vector: as many as its lanes in a set have bits for, eight at most.
template <class T>
struct Some;

template <>
struct Some<uint32_t> : SomeOf<uint32_t, 4> {
  uint32x4_t all;

  explicit Some(uint32x4_t v) : all(v) {}
  static Some load(const uint32_t* x) { return Some(vld1q_u32(x)); }
  static Some places() {
    const uint32x4_t all = {0, 1, 2, 3};
    return Some(all);
  }
  void stream(uint32_t* y) const { store(y); }
  void store(uint32_t* y) const { vst1q_u32(y, all); }
  unsigned nonzeros() const { return lanes_of(all); }
  Some plus(uint32_t value) const { return Some(vaddq_u32(all, vdupq_n_u32(value))); }
  Some moved(const uint8_t (&order)[8]) const { return Some(moved_lanes(all, order)); }
  Some only(unsigned lanes) const {
    const uint32x4_t bits = {1, 2, 4, 8};
    return Some(vandq_u32(all, vtstq_u32(vdupq_n_u32(lanes), bits)));
  }
};

template <>
struct Some<uint16_t> : SomeOf<uint16_t, 8> {
  uint16x8_t all;

  explicit Some(uint16x8_t v) : all(v) {}
  static Some load(const uint16_t* x) { return Some(vld1q_u16(x)); }
  void stream(uint16_t* y) const { store(y); }
  void store(uint16_t* y) const { vst1q_u16(y, all); }
  unsigned nonzeros() const {
    const uint16x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddvq_u16(vandq_u16(vtstq_u16(all, all), bits));
  }
  Some moved(const uint8_t (&order)[8]) const {
    const uint16x8_t bytes = vmlaq_n_u16(vdupq_n_u16(0x0100), vmovl_u8(vld1_u8(order)), 0x0202);
    return Some(vreinterpretq_u16_u8(vqtbl1q_u8(vreinterpretq_u8_u16(all), vreinterpretq_u8_u16(bytes))));
  }
  Some only(unsigned lanes) const {
    const uint16x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return Some(vandq_u16(all, vtstq_u16(vdupq_n_u16(static_cast<uint16_t>(lanes)), bits)));
  }
};

template <>
struct Some<uint8_t> : SomeOf<uint8_t, 8> {
  uint8x8_t all;

  explicit Some(uint8x8_t v) : all(v) {}
  static Some load(const uint8_t* x) { return Some(vld1_u8(x)); }
  void stream(uint8_t* y) const { store(y); }
  void store(uint8_t* y) const { vst1_u8(y, all); }
  unsigned nonzeros() const {
    const uint8x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddv_u8(vand_u8(vtst_u8(all, all), bits));
  }
  Some moved(const uint8_t (&order)[8]) const { return Some(vtbl1_u8(all, vld1_u8(order))); }
  Some only(unsigned lanes) const {
    const uint8x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
    return Some(vand_u8(all, vtst_u8(vdup_n_u8(static_cast<uint8_t>(lanes)), bits)));
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
  return pack_bitmask<Some<uint8_t>>(x, n, bitmask, values, room, scalar::pack_bitmask_u8);
}

size_t neon::pack_bitmask_u16(const uint16_t* x, size_t n, uint8_t* bitmask, uint16_t* values, size_t room) {
  return pack_bitmask<Some<uint16_t>>(x, n, bitmask, values, room, scalar::pack_bitmask_u16);
}

size_t neon::pack_bitmask_u32(const uint32_t* x, size_t n, uint8_t* bitmask, uint32_t* values, size_t room) {
  return pack_bitmask<Some<uint32_t>>(x, n, bitmask, values, room, scalar::pack_bitmask_u32);
}

size_t neon::unpack_bitmask_u8(const uint8_t* bitmask, const uint8_t* values, size_t count, uint8_t* y,
                               size_t n) {
  return unpack_bitmask<Some<uint8_t>>(bitmask, values, count, y, n, scalar::unpack_bitmask_u8);
}

size_t neon::unpack_bitmask_u16(const uint8_t* bitmask, const uint16_t* values, size_t count, uint16_t* y,
                                size_t n) {
  return unpack_bitmask<Some<uint16_t>>(bitmask, values, count, y, n, scalar::unpack_bitmask_u16);
}

size_t neon::unpack_bitmask_u32(const uint8_t* bitmask, const uint32_t* values, size_t count, uint32_t* y,
                                size_t n) {
  return unpack_bitmask<Some<uint32_t>>(bitmask, values, count, y, n, scalar::unpack_bitmask_u32);
}

size_t neon::gather_nonzero_u32(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values,
                                size_t room) {
  return gather_nonzero<Some<uint32_t>>(x, n, columns, values, room);
}

}  // namespace modelpress

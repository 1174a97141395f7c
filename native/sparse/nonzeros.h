// Arrays without their zeros, and back, as instruction sets share it. V is a vector of elements of type T:
//   kCount elements, 4 or 8; load(x), store(y); streams(y, n): whether n elements go around the cache, by
//   stream(y) and a fence() at the end; fetch_ahead(x), of kBlock elements
//   nonzeros(): the set of those of which a bit is set; count(lanes): how many are in a set
//   moved(order): in an order of lane_orders.h; only(lanes): with zeros in place of the others
//   places(): 0, 1, 2, ...; plus(value)
#pragma once

#include <cstring>

#include "../lane_orders.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kByte = 8;  // elements of one byte of a bitmask
constexpr size_t kBlock = 4 * kByte;

// Writes a whole vector where there is room for one; the next overwrites what is too much.
template <class V, class T>
inline void store_front(const V& front, size_t count, T* values, size_t stored, size_t room) {
  if (stored + V::kCount <= room) return front.store(values + stored);
  if (stored >= room) return;
  T last[V::kCount];
  front.store(last);
  std::memcpy(values + stored, last, (count < room - stored ? count : room - stored) * sizeof(T));
}

// One byte of a bitmask.
template <class V, class T>
inline unsigned pack_byte(const T* x, T* values, size_t& stored, size_t room) {
  unsigned bits = 0;
  for (size_t k = 0; k < kByte; k += V::kCount) {
    const V all = V::load(x + k);
    const unsigned lanes = all.nonzeros();
    bits |= lanes << k;
    const size_t count = V::count(lanes);
    store_front<V>(all.moved(kLaneOrders.front[lanes]), count, values, stored, room);
    stored += count;
  }
  return bits;
}

template <class V, class T>
inline size_t pack_bitmask(const T* x, size_t n, uint8_t* bitmask, T* values, size_t room,
                           PackBitmask<T>* rest) {
  size_t stored = 0;
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    V::fetch_ahead(x + i);
    for (size_t k = i; k < i + kBlock; k += kByte)
      bitmask[k / kByte] = static_cast<uint8_t>(pack_byte<V>(x + k, values, stored, room));
  }
  const size_t used = stored < room ? stored : room;
  return stored + rest(x + i, n - i, bitmask + i / kByte, values + used, room - used);
}

template <class V, class T>
struct Unpacked {
  const uint8_t* bitmask;
  T* y;
  size_t n;
  bool is_streamed;
  size_t i = 0;

  // Until all whole bytes are done, or vectors of a byte can no longer be loaded, which the last eight of
  // `loadable` are for. Returns how many values were used.
  size_t unpack(const T* values, size_t count, size_t loadable) {
    size_t used = 0;
    for (; i + kByte <= n && used + kByte <= loadable; i += kByte)
      for (size_t k = 0; k < kByte; k += V::kCount) {
        const unsigned lanes = bitmask[i / kByte] >> k & ((1u << V::kCount) - 1);
        const V all = V::load(values + used).moved(kLaneOrders.rank[lanes]).only(lanes);
        is_streamed ? all.stream(y + i + k) : all.store(y + i + k);
        used += V::count(lanes);
        if (used > count) used = count;
      }
    return used;
  }
};

template <class V, class T>
inline size_t unpack_bitmask(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n,
                             UnpackBitmask<T>* rest) {
  Unpacked<V, T> unpacked{bitmask, y, n, V::streams(y, n)};
  size_t used = unpacked.unpack(values, count, count);
  const size_t left = count - used;
  if (left < kByte) {
    T last[2 * kByte] = {};
    if (left > 0) std::memcpy(last, values + used, left * sizeof(T));  // of none, values may be null
    used += unpacked.unpack(last, left, 2 * kByte);
  }
  if (unpacked.is_streamed) V::fence();
  const size_t i = unpacked.i;
  return used + rest(bitmask + i / kByte, values + used, count - used, y + i, n - i);
}

template <class V>
inline size_t gather_nonzero(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values, size_t room) {
  V places = V::places();
  size_t found = 0;
  size_t i = 0;
  for (; i + V::kCount <= n && found + V::kCount <= room; i += V::kCount) {
    const V all = V::load(x + i);
    const unsigned lanes = all.nonzeros();
    all.moved(kLaneOrders.front[lanes]).store(values + found);
    places.moved(kLaneOrders.front[lanes]).store(reinterpret_cast<uint32_t*>(columns + found));
    places = places.plus(V::kCount);
    found += V::count(lanes);
  }
  const size_t used = found < room ? found : room;
  const size_t rest = scalar::gather_nonzero_u32(x + i, n - i, columns + used, values + used, room - used);
  for (size_t k = used; k < room && k < used + rest; ++k) columns[k] += static_cast<int32_t>(i);
  return found + rest;
}

}  // namespace
}  // namespace modelpress

#include <immintrin.h>

#include <cstring>

#include "../lane_orders.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;  // elements of one byte of a bitmask
constexpr size_t kBlock = 4 * kStep;

// From these many bytes on, unpacked values go around the cache.
constexpr size_t kStream = size_t{32} << 20;

// The processor's own prefetching ends with a page, where reading a single array waits: packing is 1.25 times
// as fast with it, measured on 256 MiB.
constexpr size_t kAhead = 8192;
template <class T>
inline void fetch_ahead(const T* block) {
  const char* const at = reinterpret_cast<const char*>(block) + kAhead;
  for (size_t line = 0; line < kBlock * sizeof(T); line += 64) _mm_prefetch(at + line, _MM_HINT_T0);
}

inline __m128i order_of(const uint8_t (&order)[kStep]) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(order));
}

// Eight elements and how they move. A vector of them is loaded and stored whole.
template <class T>
struct Eight;

template <>
struct Eight<uint32_t> {
  __m256i all;

  static Eight load(const uint32_t* x) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))}; }
  void store(uint32_t* y) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), all); }
  // y lies on 16 bytes.
  void stream(uint32_t* y) const {
    _mm_stream_si128(reinterpret_cast<__m128i*>(y), _mm256_castsi256_si128(all));
    _mm_stream_si128(reinterpret_cast<__m128i*>(y) + 1, _mm256_extracti128_si256(all, 1));
  }
  unsigned nonzeros() const {
    const __m256i zeros = _mm256_cmpeq_epi32(all, _mm256_setzero_si256());
    return ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(zeros))) & 0xff;
  }
  Eight moved(__m128i order) const { return {_mm256_permutevar8x32_epi32(all, _mm256_cvtepu8_epi32(order))}; }
  Eight only(unsigned lanes) const {
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bits);
    return {_mm256_and_si256(all, _mm256_cmpeq_epi32(set, bits))};
  }
};

template <>
struct Eight<uint16_t> {
  __m128i all;

  static Eight load(const uint16_t* x) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))}; }
  void store(uint16_t* y) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(y), all); }
  void stream(uint16_t* y) const { _mm_stream_si128(reinterpret_cast<__m128i*>(y), all); }
  unsigned nonzeros() const {
    const __m128i zeros = _mm_cmpeq_epi16(all, _mm_setzero_si128());
    return ~static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(zeros, zeros))) & 0xff;
  }
  Eight moved(__m128i order) const {
    const __m128i lanes = _mm_mullo_epi16(_mm_cvtepu8_epi16(order), _mm_set1_epi16(0x0202));
    return {_mm_shuffle_epi8(all, _mm_add_epi16(lanes, _mm_set1_epi16(0x0100)))};
  }
  Eight only(unsigned lanes) const {
    const __m128i bits = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
    const __m128i set = _mm_and_si128(_mm_set1_epi16(static_cast<short>(lanes)), bits);
    return {_mm_and_si128(all, _mm_cmpeq_epi16(set, bits))};
  }
};

template <>
struct Eight<uint8_t> {
  __m128i all;  // in the lower half

  static Eight load(const uint8_t* x) { return {_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))}; }
  void store(uint8_t* y) const { _mm_storel_epi64(reinterpret_cast<__m128i*>(y), all); }
  void stream(uint8_t* y) const { store(y); }
  unsigned nonzeros() const {
    return ~static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_setzero_si128()))) & 0xff;
  }
  Eight moved(__m128i order) const { return {_mm_shuffle_epi8(all, order)}; }
  Eight only(unsigned lanes) const {
    const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i set = _mm_and_si128(_mm_set1_epi8(static_cast<char>(lanes)), bits);
    return {_mm_and_si128(all, _mm_cmpeq_epi8(set, bits))};
  }
};

inline __m256i load_bytes(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }

// Of the elements in one vector.
template <class T>
inline __m256i zeros_of(__m256i v) {
  const __m256i zero = _mm256_setzero_si256();
  if (sizeof(T) == 4) return _mm256_cmpeq_epi32(v, zero);
  if (sizeof(T) == 2) return _mm256_cmpeq_epi16(v, zero);
  return _mm256_cmpeq_epi8(v, zero);
}

inline __m256i filled_with(uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
inline __m256i filled_with(uint16_t value) { return _mm256_set1_epi16(static_cast<short>(value)); }
inline __m256i filled_with(uint8_t value) { return _mm256_set1_epi8(static_cast<char>(value)); }

template <class T>
inline size_t count_nonzero(const T* x, size_t n, T mask, size_t (*rest)(const T*, size_t, T)) {
  constexpr size_t step = sizeof(__m256i) / sizeof(T);
  const __m256i masks = filled_with(mask);
  size_t zero_bytes = 0;
  size_t i = 0;
  for (; i + step <= n; i += step) {
    const __m256i zeros = zeros_of<T>(_mm256_and_si256(load_bytes(x + i), masks));
    zero_bytes += static_cast<size_t>(_mm_popcnt_u32(static_cast<unsigned>(_mm256_movemask_epi8(zeros))));
  }
  return i - zero_bytes / sizeof(T) + rest(x + i, n - i, mask);
}

// Writes a whole vector where there is room for one; the next overwrites what is too much.
template <class T>
inline void store_front(const Eight<T>& front, size_t count, T* values, size_t stored, size_t room) {
  if (stored + kStep <= room) return front.store(values + stored);
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
  for (; i + kBlock <= n; i += kBlock) {
    fetch_ahead(x + i);
    for (size_t k = i; k < i + kBlock; k += kStep) {
      const Eight<T> eight = Eight<T>::load(x + k);
      const unsigned lanes = eight.nonzeros();
      bitmask[k / kStep] = static_cast<uint8_t>(lanes);
      const auto count = static_cast<size_t>(_mm_popcnt_u32(lanes));
      store_front(eight.moved(order_of(kLaneOrders.front[lanes])), count, values, stored, room);
      stored += count;
    }
  }
  const size_t used = stored < room ? stored : room;
  return stored + rest(x + i, n - i, bitmask + i / kStep, values + used, room - used);
}

template <class T>
struct Unpacked {
  const uint8_t* bitmask;
  T* y;
  size_t n;
  bool is_streamed;
  size_t i = 0;

  // Until all whole bytes are done, or a vector can no longer be loaded, which the last eight of `loadable`
  // are for. Returns how many values were used.
  size_t unpack(const T* values, size_t count, size_t loadable) {
    size_t used = 0;
    for (; i + kStep <= n && used + kStep <= loadable; i += kStep) {
      const unsigned lanes = bitmask[i / kStep];
      const Eight<T> eight =
          Eight<T>::load(values + used).moved(order_of(kLaneOrders.rank[lanes])).only(lanes);
      is_streamed ? eight.stream(y + i) : eight.store(y + i);
      used += static_cast<size_t>(_mm_popcnt_u32(lanes));
      if (used > count) used = count;
    }
    return used;
  }
};

template <class T>
inline size_t unpack_bitmask(const uint8_t* bitmask, const T* values, size_t count, T* y, size_t n,
                             size_t (*rest)(const uint8_t*, const T*, size_t, T*, size_t)) {
  const bool is_streamed = n * sizeof(T) >= kStream && (reinterpret_cast<uintptr_t>(y) & 15) == 0;
  Unpacked<T> unpacked{bitmask, y, n, is_streamed};
  size_t used = unpacked.unpack(values, count, count);
  const size_t left = count - used;
  if (left < kStep) {
    T last[2 * kStep] = {};
    if (left > 0) std::memcpy(last, values + used, left * sizeof(T));  // of none, values may be null
    used += unpacked.unpack(last, left, 2 * kStep);
  }
  if (is_streamed) _mm_sfence();
  const size_t i = unpacked.i;
  return used + rest(bitmask + i / kStep, values + used, count - used, y + i, n - i);
}

}  // namespace

size_t avx2::count_nonzero_u8(const uint8_t* x, size_t n, uint8_t mask) {
  return count_nonzero(x, n, mask, scalar::count_nonzero_u8);
}

size_t avx2::count_nonzero_u16(const uint16_t* x, size_t n, uint16_t mask) {
  return count_nonzero(x, n, mask, scalar::count_nonzero_u16);
}

size_t avx2::count_nonzero_u32(const uint32_t* x, size_t n, uint32_t mask) {
  return count_nonzero(x, n, mask, scalar::count_nonzero_u32);
}

size_t avx2::pack_bitmask_u8(const uint8_t* x, size_t n, uint8_t* bitmask, uint8_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u8);
}

size_t avx2::pack_bitmask_u16(const uint16_t* x, size_t n, uint8_t* bitmask, uint16_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u16);
}

size_t avx2::pack_bitmask_u32(const uint32_t* x, size_t n, uint8_t* bitmask, uint32_t* values, size_t room) {
  return pack_bitmask(x, n, bitmask, values, room, scalar::pack_bitmask_u32);
}

size_t avx2::unpack_bitmask_u8(const uint8_t* bitmask, const uint8_t* values, size_t count, uint8_t* y,
                               size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u8);
}

size_t avx2::unpack_bitmask_u16(const uint8_t* bitmask, const uint16_t* values, size_t count, uint16_t* y,
                                size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u16);
}

size_t avx2::unpack_bitmask_u32(const uint8_t* bitmask, const uint32_t* values, size_t count, uint32_t* y,
                                size_t n) {
  return unpack_bitmask(bitmask, values, count, y, n, scalar::unpack_bitmask_u32);
}

size_t avx2::gather_nonzero_u32(const uint32_t* x, size_t n, int32_t* columns, uint32_t* values,
                                size_t room) {
  __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  size_t found = 0;
  size_t i = 0;
  for (; i + kStep <= n && found + kStep <= room; i += kStep) {
    const Eight<uint32_t> eight = Eight<uint32_t>::load(x + i);
    const unsigned lanes = eight.nonzeros();
    const __m128i order = order_of(kLaneOrders.front[lanes]);
    eight.moved(order).store(values + found);
    Eight<uint32_t>{places}.moved(order).store(reinterpret_cast<uint32_t*>(columns + found));
    places = _mm256_add_epi32(places, _mm256_set1_epi32(static_cast<int>(kStep)));
    found += static_cast<size_t>(_mm_popcnt_u32(lanes));
  }
  const size_t used = found < room ? found : room;
  const size_t rest = scalar::gather_nonzero_u32(x + i, n - i, columns + used, values + used, room - used);
  for (size_t k = used; k < room && k < used + rest; ++k) columns[k] += static_cast<int32_t>(i);
  return found + rest;
}

}  // namespace modelpress

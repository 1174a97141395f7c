#include <immintrin.h>

#include "../lane_orders.h"
#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;
constexpr size_t kPair = 2 * kStep;

// From these many elements on, two places are searched in turn: memory then gives a tenth more. They lie less
// than a megabyte apart, where it does not matter how far.
constexpr size_t kLong = size_t{1} << 17;
constexpr size_t kPlaces = 2;

// From these many elements on, results that are not x itself go around the cache, as in dequantize_linear.
constexpr size_t kStream = size_t{8} << 20;

inline __m256i bits_of(const float* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
inline __m256i magnitude_of(__m256i bits) { return _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)); }
inline unsigned lanes_of(__m256i mask) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
}

inline size_t sum_of(__m256i counters) {
  alignas(32) uint32_t all[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(all), counters);
  size_t sum = 0;
  for (const uint32_t counter : all) sum += counter;
  return sum;
}

// What lies between lo and hi, of magnitudes in one vector.
struct Bracket {
  __m256i lo, hi;

  __m256i below(__m256i magnitudes) const { return _mm256_cmpgt_epi32(lo, magnitudes); }
  __m256i outside(__m256i magnitudes) const {
    return _mm256_or_si256(below(magnitudes), _mm256_cmpgt_epi32(magnitudes, hi));
  }
};

// Writes a whole vector; the next one overwrites what is too much.
inline void collect(__m256i magnitudes, unsigned lanes, MagnitudeCounts& counts, int32_t* found) {
  if (found) {
    const auto* order = reinterpret_cast<const __m128i*>(kLaneOrders.front[lanes]);
    const __m256i front =
        _mm256_permutevar8x32_epi32(magnitudes, _mm256_cvtepu8_epi32(_mm_loadl_epi64(order)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(found + counts.inside), front);
  }
  counts.inside += static_cast<size_t>(_mm_popcnt_u32(lanes));
}

// Most pairs of vectors hold nothing that is between.
inline void collect_pair(const float* x, const Bracket& bracket, __m256i& below, MagnitudeCounts& counts,
                         int32_t* found) {
  const __m256i first = magnitude_of(bits_of(x));
  const __m256i second = magnitude_of(bits_of(x + kStep));
  below = _mm256_sub_epi32(below, bracket.below(first));
  below = _mm256_sub_epi32(below, bracket.below(second));
  const __m256i first_out = bracket.outside(first);
  const __m256i second_out = bracket.outside(second);
  if (lanes_of(_mm256_and_si256(first_out, second_out)) == 0xff) return;
  collect(first, ~lanes_of(first_out) & 0xff, counts, found);
  collect(second, ~lanes_of(second_out) & 0xff, counts, found);
}

inline __m256i pruned(const float* x, __m256i limit) {
  const __m256i bits = bits_of(x);
  return _mm256_and_si256(bits, _mm256_cmpgt_epi32(magnitude_of(bits), limit));
}

// Groups of kOf = 2, 4 or 8 elements in one vector: each element is compared with those 1, 2, ... places
// further on in its group, and where that place is at the front again, an equal one there does not count.
template <int kOf>
struct Groups {
  __m256i places[kOf], ties[kOf];

  Groups() {
    alignas(32) int32_t place[8], tie[8];
    for (int k = 1; k < kOf; ++k) {
      for (int lane = 0; lane < 8; ++lane) {
        const int own = lane % kOf;
        const int other = (own + k) % kOf;
        place[lane] = lane - own + other;
        tie[lane] = other < own ? 0 : 1;
      }
      places[k] = _mm256_load_si256(reinterpret_cast<const __m256i*>(place));
      ties[k] = _mm256_load_si256(reinterpret_cast<const __m256i*>(tie));
    }
  }

  __m256i pruned(__m256i bits, __m256i keep) const {
    const __m256i magnitudes = magnitude_of(bits);
    __m256i larger = _mm256_setzero_si256();
    for (int k = 1; k < kOf; ++k) {
      const __m256i others = _mm256_permutevar8x32_epi32(magnitudes, places[k]);
      larger = _mm256_sub_epi32(larger, _mm256_cmpgt_epi32(others, _mm256_sub_epi32(magnitudes, ties[k])));
    }
    return _mm256_and_si256(bits, _mm256_cmpgt_epi32(keep, larger));
  }
};

// The largest groups whose comparisons, of each with each, are worth more than an ordering.
constexpr int kMaxLanesGroup = 16;

inline bool streams(const float* x, const float* y, size_t n) {
  return x != y && n >= kStream && (reinterpret_cast<uintptr_t>(y) & (sizeof(float) - 1)) == 0;
}

// How many elements of whole groups come before the first vector of y that results can go around the cache
// to; all n, if they cannot.
template <int kOf>
inline size_t until_streamed(const float* x, const float* y, size_t n) {
  if (!streams(x, y, n)) return n;
  const size_t past = (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256i) - 1)) / sizeof(float);
  const size_t head = (kStep - past) % kStep;
  return head % kOf == 0 ? head : n;
}

template <int kOf>
void prune_vectors(const float* x, float* y, size_t n, int keep) {
  const Groups<kOf> groups;
  const __m256i kept = _mm256_set1_epi32(keep);
  size_t i = until_streamed<kOf>(x, y, n);
  if (i < n) {
    scalar::prune_groups_f32(x, y, i / kOf, keep, kOf);
    for (; i + kStep <= n; i += kStep)
      _mm256_stream_si256(reinterpret_cast<__m256i*>(y + i), groups.pruned(bits_of(x + i), kept));
    _mm_sfence();
  } else {
    for (i = 0; i + kStep <= n; i += kStep)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), groups.pruned(bits_of(x + i), kept));
  }
  scalar::prune_groups_f32(x + i, y + i, (n - i) / kOf, keep, kOf);
}

// A group in each lane.
inline void prune_lanes(const float* x, float* y, size_t stride, int keep, int of) {
  __m256i bits[kMaxLanesGroup], magnitudes[kMaxLanesGroup], larger[kMaxLanesGroup];
  for (int i = 0; i < of; ++i) {
    bits[i] = bits_of(x + static_cast<size_t>(i) * stride);
    magnitudes[i] = magnitude_of(bits[i]);
    larger[i] = _mm256_set1_epi32(of - 1 - i);  // as if all further on were
  }
  for (int j = 1; j < of; ++j)
    for (int i = 0; i < j; ++i) {
      const __m256i greater = _mm256_cmpgt_epi32(magnitudes[i], magnitudes[j]);
      larger[i] = _mm256_add_epi32(larger[i], greater);
      larger[j] = _mm256_sub_epi32(larger[j], greater);
    }
  const __m256i kept = _mm256_set1_epi32(keep);
  for (int i = 0; i < of; ++i)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + static_cast<size_t>(i) * stride),
                        _mm256_and_si256(bits[i], _mm256_cmpgt_epi32(kept, larger[i])));
}

}  // namespace

void avx2::collect_magnitudes_f32(const float* x, size_t n, int32_t lo, int32_t hi, MagnitudeCounts& counts,
                                  int32_t* found) {
  const Bracket bracket = {_mm256_set1_epi32(lo), _mm256_set1_epi32(hi)};
  // A lane counts to 2^32 at most.
  constexpr size_t part = size_t{1} << 31;
  size_t i = 0;
  while (i + kPlaces * kPair <= n) {
    const size_t size = n - i < part ? n - i : part;
    const size_t places = size < kLong ? 1 : kPlaces;
    const size_t place = size / places / kPair * kPair;
    __m256i below = _mm256_setzero_si256();
    for (const size_t end = i + place; i < end; i += kPair)
      for (size_t k = 0; k < places; ++k) collect_pair(x + k * place + i, bracket, below, counts, found);
    i += (places - 1) * place;
    counts.below += sum_of(below);
  }
  scalar::collect_magnitudes_f32(x + i, n - i, lo, hi, counts, found);
}

void avx2::prune_magnitudes_f32(const float* x, float* y, size_t n, int32_t limit) {
  const __m256i most = _mm256_set1_epi32(limit);
  size_t i = 0;
  if (streams(x, y, n)) {
    i = (sizeof(__m256i) - (reinterpret_cast<uintptr_t>(y) & (sizeof(__m256i) - 1))) / sizeof(float);
    scalar::prune_magnitudes_f32(x, y, i, limit);
    for (; i + kStep <= n; i += kStep)
      _mm256_stream_si256(reinterpret_cast<__m256i*>(y + i), pruned(x + i, most));
    _mm_sfence();
  }
  for (; i + kStep <= n; i += kStep)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), pruned(x + i, most));
  scalar::prune_magnitudes_f32(x + i, y + i, n - i, limit);
}

void avx2::prune_groups_f32(const float* x, float* y, size_t groups, int keep, int of) {
  if (of == 2) return prune_vectors<2>(x, y, groups * 2, keep);
  if (of == 4) return prune_vectors<4>(x, y, groups * 4, keep);
  if (of == 8) return prune_vectors<8>(x, y, groups * 8, keep);
  scalar::prune_groups_f32(x, y, groups, keep, of);
}

void avx2::prune_group_lanes_f32(const float* x, float* y, size_t stride, size_t n, int keep, int of) {
  size_t i = 0;
  if (of <= kMaxLanesGroup)
    for (; i + kStep <= n; i += kStep) prune_lanes(x + i, y + i, stride, keep, of);
  scalar::prune_group_lanes_f32(x + i, y + i, stride, n - i, keep, of);
}

}  // namespace modelpress

#include <immintrin.h>

#include "kernels.h"

namespace modelpress {
namespace {

constexpr size_t kStep = 8;

// Bins are found so many values before they are counted, so that the processor does both at a time: 1.5 times
// as fast, measured.
constexpr size_t kLead = 128;

// Finds the bins of 8 values as scalar:: does.
struct Finder {
  __m256 first, last, scale, count, doubt, no_doubt;
  __m256i outside, last_bin;
  __m256d min, step;

  explicit Finder(const HistogramBins& bins)
      : first(_mm256_set1_ps(bins.first)),
        last(_mm256_set1_ps(bins.last)),
        scale(_mm256_set1_ps(bins.scale)),
        count(_mm256_set1_ps(static_cast<float>(bins.count))),
        doubt(_mm256_set1_ps(bins.doubt)),
        no_doubt(_mm256_set1_ps(1.0f - bins.doubt)),
        outside(_mm256_set1_epi32(bins.count)),
        last_bin(_mm256_set1_epi32(bins.count - 1)),
        min(_mm256_set1_pd(bins.min)),
        step(_mm256_set1_pd(bins.step)) {}

  void operator()(const float* x, uint32_t* bins) const {
    _mm256_store_si256(reinterpret_cast<__m256i*>(bins), bins_of(_mm256_loadu_ps(x)));
  }

 private:
  __m256i bins_of(__m256 v) const {
    const __m256 at_most_last = _mm256_cmp_ps(v, last, _CMP_LE_OQ);
    const __m256 inside = _mm256_and_ps(_mm256_cmp_ps(v, first, _CMP_GE_OQ), at_most_last);
    // No position lies beyond the counters, whatever x holds: min gives its second operand for a NaN.
    const __m256 position = _mm256_min_ps(_mm256_mul_ps(_mm256_sub_ps(v, first), scale), count);
    const __m256 whole = _mm256_floor_ps(position);
    const __m256 part = _mm256_sub_ps(position, whole);
    const __m256 near_edge =
        _mm256_or_ps(_mm256_cmp_ps(part, doubt, _CMP_LT_OQ), _mm256_cmp_ps(part, no_doubt, _CMP_GT_OQ));
    // What equals the first edge has no doubt about it: ranges often begin where many values are, at zero.
    const __m256 beyond_first = _mm256_and_ps(_mm256_cmp_ps(v, first, _CMP_GT_OQ), at_most_last);
    __m256i bin = _mm256_cvttps_epi32(whole);
    if (_mm256_movemask_ps(_mm256_and_ps(near_edge, beyond_first)) != 0) bin = beside_edge(v, position);
    return _mm256_blendv_epi8(outside, bin, _mm256_castps_si256(inside));
  }

  // Near an edge a value lies in one of the two bins that meet there.
  __m256i beside_edge(__m256 v, __m256 position) const {
    const __m256i edge = _mm256_cvtps_epi32(position);
    const __m128 low = left_of(_mm256_castsi256_si128(edge));
    const __m128 high = left_of(_mm256_extracti128_si256(edge, 1));
    const __m256 below = _mm256_cmp_ps(v, _mm256_set_m128(high, low), _CMP_LT_OQ);
    const __m256i bin = _mm256_add_epi32(edge, _mm256_castps_si256(below));  // a mask is -1
    return _mm256_min_epi32(bin, last_bin);
  }

  __m128 left_of(__m128i bin) const {
    return _mm256_cvtpd_ps(_mm256_add_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(bin), step), min));
  }
};

// One table for every lane of four.
struct Tables {
  uint32_t* of[kHistogramTables];

  Tables(uint32_t* counts, size_t stride) {
    for (size_t k = 0; k < kHistogramTables; ++k) of[k] = counts + k * stride;
  }

  void count(const uint32_t* bins) const {
    for (size_t k = 0; k < kStep; ++k) ++of[k % kHistogramTables][bins[k]];
  }
};

// Returns how many of the n values were counted.
inline size_t count_leads(const float* x, size_t n, const Finder& find, const Tables& tables) {
  if (n < kLead) return 0;
  alignas(32) uint32_t found[2][kLead];
  for (size_t k = 0; k < kLead; k += kStep) find(x + k, found[0] + k);
  size_t i = kLead;
  size_t current = 0;
  for (; i + kLead <= n; i += kLead, current ^= 1)
    for (size_t k = 0; k < kLead; k += kStep) {
      find(x + i + k, found[current ^ 1] + k);
      tables.count(found[current] + k);
    }
  for (size_t k = 0; k < kLead; k += kStep) tables.count(found[current] + k);
  return i;
}

}  // namespace

void avx2::histogram_f32(const float* x, size_t n, const HistogramBins& bins, uint32_t* counts,
                         size_t stride) {
  if (n < kStep || bins.doubt >= kHistogramMaxDoubt) return scalar::histogram_f32(x, n, bins, counts, stride);
  const Tables tables(counts, stride);
  const Finder find(bins);
  size_t i = count_leads(x, n, find, tables);
  for (; i + kStep <= n; i += kStep) {
    alignas(32) uint32_t found[kStep];
    find(x + i, found);
    tables.count(found);
  }
  scalar::histogram_f32(x + i, n - i, bins, counts, stride);
}

}  // namespace modelpress

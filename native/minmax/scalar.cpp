#include "kernels.h"

namespace modelpress {
namespace {

// The first comparison is false for a NaN on either side, the second keeps the NaN that is there or comes.
inline float smaller(float a, float b) { return a < b || a != a ? a : b; }
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

// Comparisons with a NaN are false, so it leaves both ends alone.
template <class T>
inline void summarize(const T* x, size_t n, T* min, T* max, uint64_t* zeros, uint64_t* nans) {
  T lo = *min;
  T hi = *max;
  size_t zero_count = 0;
  size_t nan_count = 0;
  for (size_t i = 0; i < n; ++i) {
    lo = x[i] < lo ? x[i] : lo;
    hi = x[i] > hi ? x[i] : hi;
    zero_count += x[i] == 0 ? 1 : 0;
    nan_count += x[i] != x[i] ? 1 : 0;
  }
  *min = lo;
  *max = hi;
  *zeros += zero_count;
  *nans += nan_count;
}

}  // namespace

void scalar::min_max_f32(const float* x, size_t n, float* min, float* max) {
  float lo = *min;
  float hi = *max;
  for (size_t i = 0; i < n; ++i) {
    lo = smaller(lo, x[i]);
    hi = larger(hi, x[i]);
  }
  *min = lo;
  *max = hi;
}

void scalar::min_max_lanes_f32(const float* x, size_t rows, size_t stride, size_t n, float* mins,
                               float* maxs) {
  for (size_t row = 0; row < rows; ++row, x += stride)
    for (size_t i = 0; i < n; ++i) {
      mins[i] = smaller(mins[i], x[i]);
      maxs[i] = larger(maxs[i], x[i]);
    }
}

void scalar::summarize_s8(const int8_t* x, size_t n, int8_t* min, int8_t* max, uint64_t* zeros,
                          uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_u8(const uint8_t* x, size_t n, uint8_t* min, uint8_t* max, uint64_t* zeros,
                          uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_s16(const int16_t* x, size_t n, int16_t* min, int16_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_u16(const uint16_t* x, size_t n, uint16_t* min, uint16_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_s32(const int32_t* x, size_t n, int32_t* min, int32_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_u32(const uint32_t* x, size_t n, uint32_t* min, uint32_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_s64(const int64_t* x, size_t n, int64_t* min, int64_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_u64(const uint64_t* x, size_t n, uint64_t* min, uint64_t* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_f32(const float* x, size_t n, float* min, float* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

void scalar::summarize_f64(const double* x, size_t n, double* min, double* max, uint64_t* zeros,
                           uint64_t* nans) {
  summarize(x, n, min, max, zeros, nans);
}

}  // namespace modelpress

// Least squares over some columns of each row: see FitKept. The instruction sets differ in how rows are
// subtracted from one another, which is nearly all of the work.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels.h"

namespace modelpress {
namespace {

// Rows that are finished before the others follow: few, since they are worked on one by one.
constexpr size_t kFitPanel = 16;

// The kept columns of row, and their part of the matrix as rows of m values, of which the lower triangle
// counts.
inline void gather(const double* gram, const uint8_t* row, size_t n, size_t m, double* a) {
  size_t k = 0;
  for (size_t i = 0; i < n; ++i) {
    if (row[i] == 0) continue;
    for (size_t j = 0, at = k * m; j <= i; ++j)
      if (row[j] != 0) a[at++] = gram[j * n + i];
    ++k;
  }
}

inline void factor(SubtractRows* subtract, double* a, size_t m) {
  for (size_t last = m; last > 0;) {
    const size_t first = last > kFitPanel ? last - kFitPanel : 0;
    scalar::factor_rows_f64(a, m, first, last);
    subtract(a, m, first, last, 0, first);
    last = first;
  }
}

// b becomes the z with M^T z = b, then the w with M w = z.
inline void substitute(const double* a, size_t m, double* b) {
  for (size_t i = m; i-- > 0;) {
    const double* row = a + i * m;
    const double z = b[i] / row[i];
    b[i] = z;
    for (size_t j = 0; j < i; ++j) b[j] -= row[j] * z;
  }
  for (size_t i = 0; i < m; ++i) {
    const double* row = a + i * m;
    double value = b[i];
    for (size_t j = 0; j < i; ++j) value -= row[j] * b[j];
    b[i] = value / row[i];
  }
}

inline float settled(float value) {
  return std::isnan(value) ? std::numeric_limits<float>::quiet_NaN() : value;
}

inline void fit_rows(SubtractRows* subtract, const double* gram, const double* products, const uint8_t* kept,
                     size_t n, size_t begin, size_t end, float* w, double* scratch) {
  size_t m = 0;
  for (size_t o = begin; o < end; ++o) {
    const uint8_t* row = kept + o * n;
    // Rows that keep the same columns, as after pruning channels, share the factor.
    if (o == begin || std::memcmp(row, row - n, n) != 0) {
      m = 0;
      for (size_t i = 0; i < n; ++i) m += row[i] != 0;
      gather(gram, row, n, m, scratch);
      factor(subtract, scratch, m);
    }
    double* b = scratch + m * m;
    for (size_t i = 0, k = 0; i < n; ++i)
      if (row[i] != 0) b[k++] = products[o * n + i];
    substitute(scratch, m, b);
    for (size_t i = 0, k = 0; i < n; ++i)
      w[o * n + i] = row[i] != 0 ? settled(static_cast<float>(b[k++])) : 0.0f;
  }
}

}  // namespace
}  // namespace modelpress

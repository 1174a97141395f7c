// How rows.h and lanes.h write.
#pragma once

#include "kernels.h"

namespace modelpress {
namespace {

// From these many elements on, results go around the cache: they would push each other out of it before
// anyone reads them, and a line that is not cached need not be read before it is written. Measured with 32 MB
// of cache; below, it costs.
constexpr size_t kStream = size_t{8} << 20;

constexpr size_t kLine = 64;
constexpr size_t kLineFloats = kLine / sizeof(float);

inline bool aligned(const float* y, size_t bytes) {
  return (reinterpret_cast<uintptr_t>(y) & (bytes - 1)) == 0;
}

// How many elements of y come before the first one that lies on a multiple of these bytes; 1 at least.
inline size_t until_aligned(const float* y, size_t bytes) {
  return (bytes - (reinterpret_cast<uintptr_t>(y) & (bytes - 1))) / sizeof(float);
}

}  // namespace
}  // namespace modelpress

// For kernels of x86 that work on long arrays in two places in turn: memory gives more then. Each file that
// includes it gets its own copy, as with ahead.h.
#pragma once

#include <stddef.h>

namespace modelpress {
namespace {

constexpr size_t kPlaces = 2;

// How many elements of T one place has, of n: places lie an odd number of megabytes apart. Addresses that
// differ by a little less than a power of two look alike to the first cache, which then loses what was
// fetched into it: everything took 2.5 times as long, and two threads as long as one, measured on Zen 5.
template <class T>
inline size_t place_of(size_t n) {
  constexpr size_t apart = (size_t{1} << 20) / sizeof(T);
  const size_t most = n / kPlaces / apart;
  return (most % 2 == 0 && most > 0 ? most - 1 : most) * apart;
}

}  // namespace
}  // namespace modelpress

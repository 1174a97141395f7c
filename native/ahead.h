// For kernels of x86 that use several rows at a time. Each file that includes it gets its own copy: a
// function that were shared could be the one for processors that this one is not.
#pragma once

#include <immintrin.h>
#include <stddef.h>

namespace modelpress {
namespace {

// Read where it is used, so that the compiler does not know it.
const volatile size_t kZero = 0;

// Keeps about 8 cycles between fetches, by a zero in the place of each that takes so long to find: the
// processor drops fetches that come faster than memory answers, a quarter of them at one in a nanosecond, and
// loads from the second cache wait behind those that it does not drop. Measured on Zen 5.
class Pace {
 public:
  size_t wait() {
    const size_t wait = wait_;
    wait_ = ((wait_ * zero_ ^ zero_) * zero_) ^ zero_;
    return wait;
  }

 private:
  size_t zero_ = kZero;
  size_t wait_ = 0;
};

// From so many floats on, more than the third cache holds, a pace pays: 1.1 times as fast at eight times as
// many, measured with 32 MB of cache. Below it costs.
constexpr size_t kPaced = size_t{8} << 20;

// Fetches rows of n elements, one cache line of one row after the other, before they are needed. In the order
// in which they are used, in several rows at a time, the processor's own prefetching does not see where they
// go on: 1.3 times as slow, measured on [4096, 4096].
template <class T, bool paced = false>
class Ahead {
 public:
  // From x on, a row every `stride` elements.
  Ahead(const T* x, size_t stride, size_t n) : at_(x), left_(n), n_(n), stride_(stride) {}

  void fetch(size_t elements) {
    for (size_t i = 0; i < elements; i += kLine) fetch_line();
  }

 private:
  static constexpr size_t kLine = 64 / sizeof(T);

  void fetch_line() {
    _mm_prefetch(reinterpret_cast<const char*>(at_ + (paced ? pace_.wait() : 0)), _MM_HINT_T0);
    if (left_ > kLine) {
      at_ += kLine;
      left_ -= kLine;
    } else {
      at_ += left_ + stride_ - n_;
      left_ = n_;
    }
  }

  const T* at_;
  size_t left_, n_, stride_;
  Pace pace_;
};

}  // namespace
}  // namespace modelpress

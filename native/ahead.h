// For kernels of x86 that use several rows at a time. Each file that includes it gets its own copy: a
// function that were shared could be the one for processors that this one is not.
#pragma once

#include <immintrin.h>
#include <stddef.h>

namespace modelpress {
namespace {

// Fetches rows of n elements, one cache line of one row after the other, before they are needed. In the order
// in which they are used, in several rows at a time, the processor's own prefetching does not see where they
// go on: 1.3 times as slow, measured on [4096, 4096].
template <class T>
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
    _mm_prefetch(reinterpret_cast<const char*>(at_), _MM_HINT_T0);
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
};

}  // namespace
}  // namespace modelpress

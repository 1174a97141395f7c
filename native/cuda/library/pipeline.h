// Arrays pass the device in chunks, several at a time, so that copies to it, kernels and copies back overlap,
// and an array may be larger than the device's memory.
#pragma once

#include <functional>

#include "context.h"

namespace modelpress {

// An array of a call, and how many bits an element has; of none, there is no array.
struct Stream {
  CudaArray array;
  size_t bits;

  size_t bytes(size_t elements) const { return (elements * bits + 7) / 8; }
  char* at(size_t element) const { return static_cast<char*>(array.data) + element * bits / 8; }
  bool on_host() const { return bits > 0 && array.on_device == 0; }
};

// Chunks of whatever shape; the bytes of a chunk are what it takes in staging memory.
struct Chunks {
  size_t count;
  std::function<size_t(size_t chunk)> bytes_in, bytes_out;
  std::function<void(size_t chunk, char* staged)> stage;
  std::function<void(size_t chunk, const char* in, char* out, cudaStream_t)> launch;
  std::function<void(size_t chunk, const char* staged)> collect;
};

void run_chunks(const Session& session, const Chunks& chunks);

// What a kernel does with elements [begin, begin + count) of arrays; x and y point to the first of them.
using LaunchRange =
    std::function<void(size_t begin, size_t count, const void* x, void* y, cudaStream_t stream)>;

// Elements [0, n) of x to y, which may be none. Ranges begin at multiples of kRangeMultiple.
constexpr size_t kRangeMultiple = 4096;
void run_ranges(const Session& session, const Stream& x, const Stream& y, size_t n,
                const LaunchRange& launch);

}  // namespace modelpress

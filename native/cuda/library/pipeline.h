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

// Elements [0, n) of x to y, which may be none. Ranges begin at multiples of `multiple`.
constexpr size_t kRangeMultiple = 4096;
void run_ranges(const Session& session, const Stream& x, const Stream& y, size_t n, const LaunchRange& launch,
                size_t multiple = kRangeMultiple);

// Arrays of float32 that are read several times: they stay on the device from the first time on, where its
// memory has room for them.
class Resident {
 public:
  Resident(const Session& session, const CudaArray* arrays, const uint64_t* lengths, size_t count);

  size_t count() const { return count_; }
  size_t length(size_t array) const { return lengths_[array]; }
  // Where array `array` is now.
  Stream at(size_t array) const;

  using LaunchArray =
      std::function<void(size_t array, size_t begin, size_t count, const float* x, cudaStream_t stream)>;
  // Calls launch for all elements of all arrays.
  void read(const LaunchArray& launch);

 private:
  const Session& session_;
  const CudaArray* arrays_;
  const uint64_t* lengths_;
  size_t count_;
  DeviceMemory memory_;
  char* kept_ = nullptr;
  bool is_filled_ = false;
};

}  // namespace modelpress

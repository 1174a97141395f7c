#include <limits>
#include <vector>

#include "launch.h"
#include "minmax.h"
#include "operations.h"

namespace modelpress {
namespace {

// Floats in the order of integers, so that atomic operations on these find the least and the greatest. A NaN
// is below everything for the least and above everything for the greatest: it wins both.
struct Ordered {
  int32_t low, high;
};

__device__ inline Ordered ordered(float x) {
  if (x != x) return {INT32_MIN, INT32_MAX};
  const int32_t bits = __float_as_int(x);
  const int32_t key = bits ^ (bits >> 31 & 0x7fffffff);
  return {key, key};
}

float settled(int32_t key) {
  if (key == INT32_MIN || key == INT32_MAX) return std::numeric_limits<float>::quiet_NaN();
  const int32_t bits = key ^ (key >> 31 & 0x7fffffff);
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value + 0.0f;  // -0 becomes +0
}

constexpr int32_t kInfinityKey = 0x7f800000;
constexpr int32_t kMinusInfinityKey = -0x7f800001;

// Where the channels' ranges are collected: first all lows, then all highs.
__global__ void begin_ranges(int32_t* keys, size_t channels) {
  for_each_unit(channels, [=](size_t i) {
    keys[i] = kInfinityKey;
    keys[channels + i] = kMinusInfinityKey;
  });
}

// Elements [first, first + n) of [outer, channels, inner], x being the first of them.
struct Channels {
  size_t first, n, channels, inner;
};

// Blocks take parts of runs of one channel.
constexpr size_t kPart = 8192;
__global__ void fold_runs(const float* x, Channels c, int32_t* keys) {
  __shared__ int32_t low, high;
  const size_t parts = (c.inner + kPart - 1) / kPart;
  const size_t first_run = c.first / c.inner;
  const size_t runs = (c.first + c.n - 1) / c.inner + 1 - first_run;
  for (size_t unit = blockIdx.x; unit < runs * parts; unit += gridDim.x) {
    if (threadIdx.x == 0) {
      low = kInfinityKey;
      high = kMinusInfinityKey;
    }
    __syncthreads();
    const size_t run = first_run + unit / parts;
    const size_t part = run * c.inner + unit % parts * kPart;
    const size_t part_end = min(part + kPart, (run + 1) * c.inner);
    const size_t begin = max(part, c.first);
    const size_t end = min(part_end, c.first + c.n);
    int32_t own_low = kInfinityKey;
    int32_t own_high = kMinusInfinityKey;
    for (size_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
      const Ordered key = ordered(x[i - c.first]);
      own_low = min(own_low, key.low);
      own_high = max(own_high, key.high);
    }
    if (begin + threadIdx.x < end) {
      atomicMin(&low, own_low);
      atomicMax(&high, own_high);
    }
    __syncthreads();
    if (threadIdx.x == 0 && begin < end) {
      atomicMin(&keys[run % c.channels], low);
      atomicMax(&keys[c.channels + run % c.channels], high);
    }
    __syncthreads();
  }
}

// Threads take the same place in rows of `period` elements, a whole number of [channels, inner].
constexpr size_t kRows = 64;
__global__ void fold_lanes(const float* x, Channels c, size_t period, int32_t* keys) {
  const size_t first_row = c.first / period;
  const size_t rows = (c.first + c.n - 1) / period + 1 - first_row;
  for_each_unit((rows + kRows - 1) / kRows * period, [=](size_t unit) {
    const size_t lane = unit % period;
    const size_t row = first_row + unit / period * kRows;
    int32_t low = INT32_MAX;
    int32_t high = INT32_MIN;
    bool is_empty = true;
    for (size_t k = row; k < min(row + kRows, first_row + rows); ++k) {
      const size_t i = k * period + lane;
      if (i < c.first || i >= c.first + c.n) continue;
      const Ordered key = ordered(x[i - c.first]);
      low = min(low, key.low);
      high = max(high, key.high);
      is_empty = false;
    }
    if (is_empty) return;
    const size_t channel = lane / c.inner % c.channels;
    atomicMin(&keys[channel], low);
    atomicMax(&keys[c.channels + channel], high);
  });
}

// From so many elements of a channel in a row, blocks have enough to do with them.
constexpr size_t kRunsPay = 1024;
constexpr size_t kLanes = 1024;

std::vector<int32_t> fold(const Session& session, const Stream& x, size_t n, size_t channels, size_t inner) {
  const size_t bytes = 2 * channels * sizeof(int32_t);
  auto* const keys = static_cast<int32_t*>(session->results.reserve(bytes));
  const cudaStream_t stream = session->slot(0).stream;
  launch(begin_ranges, channels, stream, keys, channels);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  const size_t slice = channels * inner;
  const size_t period = slice * std::max<size_t>(1, kLanes / slice);
  run_ranges(session, x, {}, n, [=](size_t begin, size_t count, const void* from, void*, cudaStream_t s) {
    const Channels c = {begin, count, channels, inner};
    const auto* const values = static_cast<const float*>(from);
    if (inner >= kRunsPay)
      launch_blocks(fold_runs, count / std::min(inner, kPart) + 2, 1, s, values, c, keys);
    else
      launch(fold_lanes, (count / period + 2) * period / kRows + period, s, values, c, period, keys);
  });
  std::vector<int32_t> found(2 * channels);
  copy_to_host(found.data(), keys, bytes);
  return found;
}

}  // namespace

Range range_of(const Session& session, const Stream& x, size_t n) {
  const std::vector<int32_t> keys = fold(session, x, n, 1, std::max<size_t>(kRunsPay, n));
  return {settled(keys[0]), settled(keys[1])};
}

int32_t cuda_min_max(CudaCall* call, CudaArray x, uint64_t n, float* min_and_max) {
  return guarded(call, [&] {
    const Session session(call);
    const Range range = range_of(session, {x, 32}, n);
    min_and_max[0] = range.min;
    min_and_max[1] = range.max;
  });
}

int32_t cuda_min_max_per_axis(CudaCall* call, CudaArray x, uint64_t n, uint64_t channels, uint64_t inner,
                              float* mins, float* maxs) {
  return guarded(call, [&] {
    const Session session(call);
    const std::vector<int32_t> keys = fold(session, {x, 32}, n, channels, inner);
    for (size_t i = 0; i < channels; ++i) {
      mins[i] = settled(keys[i]);
      maxs[i] = settled(keys[channels + i]);
    }
  });
}

}  // namespace modelpress

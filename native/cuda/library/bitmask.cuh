// Kernels that make bitmasks of elements, and elements of bitmasks, a tile of bytes per block.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "scan.cuh"

namespace modelpress {
namespace {

// Elements in rows, each of which begins with a byte of its own in the bitmask.
struct BitRows {
  size_t columns, row_bytes;

  __host__ __device__ size_t element_of(size_t byte) const {
    return byte / row_bytes * columns + byte % row_bytes * 8;
  }
  // How many elements a byte has bits for.
  __device__ unsigned width_of(size_t byte) const {
    const size_t left = columns - byte % row_bytes * 8;
    return left < 8 ? static_cast<unsigned>(left) : 8;
  }
};

// Bytes [first, first + count) of a bitmask, whose elements and bytes the kernel's pointers begin with. A
// block counts a tile at a time, a byte per thread.
struct ByteRange {
  size_t first, count;
};
constexpr size_t kTile = kThreads;

template <class T>
__device__ inline uint32_t nonzero_bits(const T* x, unsigned width) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < width; ++i) bits |= (x[i] != 0 ? 1u : 0u) << i;
  return bits;
}

// The bits of this thread's byte of a tile, and where its elements begin.
struct OwnByte {
  size_t byte;
  bool is_there;

  __device__ OwnByte(const ByteRange& range, size_t tile)
      : byte(tile * kTile + threadIdx.x), is_there(byte < range.count) {}
  __device__ size_t element(const BitRows& rows, const ByteRange& range) const {
    return rows.element_of(range.first + byte) - rows.element_of(range.first);
  }
};

template <class T>
__device__ inline uint32_t bits_of_elements(const T* x, const BitRows& rows, const ByteRange& range,
                                            const OwnByte& own) {
  if (!own.is_there) return 0;
  return nonzero_bits(x + own.element(rows, range), rows.width_of(range.first + own.byte));
}

__device__ inline uint32_t bits_of_mask(const uint8_t* bitmask, const BitRows& rows, const ByteRange& range,
                                        const OwnByte& own) {
  if (!own.is_there) return 0;
  return bitmask[own.byte] & ((1u << rows.width_of(range.first + own.byte)) - 1);
}

template <class Bits>
__device__ inline void count_tiles(const ByteRange& range, uint32_t* counts, const Bits& bits_of) {
  __shared__ uint32_t count;
  for (size_t tile = blockIdx.x; tile * kTile < range.count; tile += gridDim.x) {
    if (threadIdx.x == 0) count = 0;
    __syncthreads();
    const uint32_t own = __popc(bits_of(OwnByte(range, tile)));
    if (own > 0) atomicAdd(&count, own);
    __syncthreads();
    if (threadIdx.x == 0) counts[tile] = count;
    __syncthreads();
  }
}

template <class T>
__global__ void count_elements(const T* x, BitRows rows, ByteRange range, uint32_t* counts) {
  count_tiles(range, counts, [&](const OwnByte& own) { return bits_of_elements(x, rows, range, own); });
}

__global__ void count_bits(const uint8_t* bitmask, BitRows rows, ByteRange range, uint32_t* counts) {
  count_tiles(range, counts, [&](const OwnByte& own) { return bits_of_mask(bitmask, rows, range, own); });
}

// `starts` says where the values of each tile begin; `values` begins with the first tile's, and has room for
// those before `end`.
template <class T>
__global__ void pack_tiles(const T* x, BitRows rows, ByteRange range, const uint64_t* starts, uint64_t end,
                           uint8_t* bitmask, T* values) {
  __shared__ uint32_t sums[kThreads];
  for (size_t tile = blockIdx.x; tile * kTile < range.count; tile += gridDim.x) {
    const OwnByte own(range, tile);
    const uint32_t bits = bits_of_elements(x, rows, range, own);
    uint64_t at = starts[tile] + sum_before(__popc(bits), sums);
    if (!own.is_there) continue;
    bitmask[own.byte] = static_cast<uint8_t>(bits);
    const T* const elements = x + own.element(rows, range);
    for (unsigned i = 0; i < 8; ++i) {
      if ((bits >> i & 1) == 0) continue;
      if (at < end) values[at - starts[0]] = elements[i];
      ++at;
    }
  }
}

template <class T>
__global__ void unpack_tiles(const uint8_t* bitmask, BitRows rows, ByteRange range, const uint64_t* starts,
                             const T* values, T* y) {
  __shared__ uint32_t sums[kThreads];
  for (size_t tile = blockIdx.x; tile * kTile < range.count; tile += gridDim.x) {
    const OwnByte own(range, tile);
    const uint32_t bits = bits_of_mask(bitmask, rows, range, own);
    uint64_t at = starts[tile] - starts[0] + sum_before(__popc(bits), sums);
    if (!own.is_there) continue;
    T* const elements = y + own.element(rows, range);
    for (unsigned i = 0; i < rows.width_of(range.first + own.byte); ++i)
      elements[i] = (bits >> i & 1) != 0 ? values[at++] : T{0};
  }
}

}  // namespace
}  // namespace modelpress

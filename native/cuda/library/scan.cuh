#pragma once

#include "launch.h"

namespace modelpress {

// The sum of `own` over the threads of the block before this one. All threads of the block come here.
__device__ inline uint32_t sum_before(uint32_t own, uint32_t (&sums)[kThreads]) {
  sums[threadIdx.x] = own;
  __syncthreads();
  for (unsigned distance = 1; distance < kThreads; distance *= 2) {
    const uint32_t other = threadIdx.x >= distance ? sums[threadIdx.x - distance] : 0;
    __syncthreads();
    sums[threadIdx.x] += other;
    __syncthreads();
  }
  const uint32_t before = sums[threadIdx.x] - own;
  __syncthreads();  // before sums are used again
  return before;
}

}  // namespace modelpress

// How kernels are started: one dimension of blocks of kThreads threads, no more of them than keep the device
// busy. Each thread goes on in steps of all threads until its units are done.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "check.h"
#include "context.h"

namespace modelpress {

constexpr unsigned kThreads = 256;

// A block for every `units_per_block` units.
template <class... Parameters, class... Arguments>
void launch_blocks(void (*kernel)(Parameters...), size_t units, size_t units_per_block, cudaStream_t stream,
                   Arguments... arguments) {
  const size_t blocks = (units + units_per_block - 1) / units_per_block;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(std::min<size_t>(blocks, context().max_blocks)));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, arguments...), "cudaLaunchKernelEx");
}

// A thread for every unit.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), size_t units, cudaStream_t stream, Arguments... arguments) {
  launch_blocks(kernel, units, kThreads, stream, arguments...);
}

// Calls visit(i) for the units of this thread.
template <class Visit>
__device__ inline void for_each_unit(size_t units, const Visit& visit) {
  const size_t step = static_cast<size_t>(gridDim.x) * blockDim.x;
  for (size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < units; i += step) visit(i);
}

}  // namespace modelpress

// What tests on a processor set otherwise.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef MODELPRESS_CUDA_NAME
#define MODELPRESS_CUDA_NAME "cuda"
#endif
// An array in host memory that is smaller takes longer to be copied than a processor takes to be done with
// it.
#ifndef MODELPRESS_CUDA_LEAST_BYTES
#define MODELPRESS_CUDA_LEAST_BYTES (1 << 20)
#endif
// Large enough that starting a copy takes no time to speak of, small enough that the first is soon done.
#ifndef MODELPRESS_CUDA_CHUNK_BYTES
#define MODELPRESS_CUDA_CHUNK_BYTES (16 << 20)
#endif

namespace modelpress {

constexpr uint64_t kLeastBytes = MODELPRESS_CUDA_LEAST_BYTES;
constexpr size_t kChunkBytes = MODELPRESS_CUDA_CHUNK_BYTES;

}  // namespace modelpress

// Every call of the CUDA runtime goes through check(), and every entry of the library through guarded().
#pragma once

#include <cuda_runtime.h>
#include <stdio.h>

#include <stdexcept>
#include <string>

#include "../abi.h"

namespace modelpress {

inline std::string describe(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")";
}

inline void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // or a later call would report it again
  throw std::runtime_error(std::string(call) + ": " + describe(status));
}

// No exception may leave the library.
template <class Work>
int32_t guarded(CudaCall* call, const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    snprintf(call->failure, sizeof(call->failure), "%s", error.what());
    return 1;
  }
}

}  // namespace modelpress

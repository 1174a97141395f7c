#pragma once

#include <string>

#include "abi.h"

namespace modelpress {

// The library at a path, UTF-8, for as long as the process lives. Throws std::runtime_error with the reason
// where there is none, or one of another kCudaAbi.
const CudaLibrary& load_cuda(const std::string& path);

}  // namespace modelpress

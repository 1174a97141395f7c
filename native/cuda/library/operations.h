// The entries of the library, family by family; abi.h says what they are.
#pragma once

#include "../abi.h"

namespace modelpress {

int32_t cuda_min_max(CudaCall* call, CudaArray x, uint64_t n, float* min_and_max);
int32_t cuda_min_max_per_axis(CudaCall* call, CudaArray x, uint64_t n, uint64_t channels, uint64_t inner,
                              float* mins, float* maxs);
int32_t cuda_quantize_linear(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type,
                             uint64_t n, const CudaParameters* parameters);
int32_t cuda_dequantize_linear(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type,
                               uint64_t n, const CudaParameters* parameters);
int32_t cuda_dynamic_quantize_linear(CudaCall* call, CudaArray x, CudaArray y, uint64_t n, float* params);
int32_t cuda_cast(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type, uint64_t n);

}  // namespace modelpress

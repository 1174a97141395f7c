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
int32_t cuda_magnitude_threshold(CudaCall* call, const CudaArray* x, const uint64_t* lengths, uint64_t count,
                                 uint64_t k, int32_t* magnitude);
int32_t cuda_prune_magnitude(CudaCall* call, const CudaArray* x, const CudaArray* y, const uint64_t* lengths,
                             uint64_t count, uint64_t k);
int32_t cuda_prune_to_threshold(CudaCall* call, const CudaArray* x, const CudaArray* y,
                                const uint64_t* lengths, uint64_t count, int32_t limit);
int32_t cuda_prune_nm(CudaCall* call, CudaArray x, CudaArray y, uint64_t n, int32_t keep, int32_t of,
                      uint64_t inner);
int32_t cuda_quantize_blockwise(CudaCall* call, CudaArray w, CudaArray packed, CudaArray scales,
                                CudaArray zero_points, const CudaBlocks* blocks);
int32_t cuda_dequantize_blockwise(CudaCall* call, CudaArray packed, CudaArray scales, CudaArray zero_points,
                                  CudaArray w, const CudaBlocks* blocks);
int32_t cuda_pack_bitmask(CudaCall* call, CudaArray x, CudaArray bitmask, CudaArray values, int32_t width,
                          uint64_t n, uint64_t columns, uint64_t room, double* stored);
int32_t cuda_unpack_bitmask(CudaCall* call, CudaArray bitmask, CudaArray values, CudaArray y, int32_t width,
                            uint64_t n, uint64_t columns, uint64_t count, double* used);

}  // namespace modelpress

#include "../blockwise.h"
#include "bindings.h"
#include "operand.h"

namespace modelpress {
namespace {

struct BlockwiseOperands {
  Operand w, packed, scales, zero_points;
  CudaBlocks blocks;
};

// The arrays from `index` on, but w, and what is said of them from argument 4 on.
BlockwiseOperands blockwise_args(const Napi::CallbackInfo& info, size_t w_index, size_t index) {
  BlockwiseOperands own = {};
  own.w = operand_arg<float>(info, w_index);
  own.packed = operand_arg<uint8_t>(info, index);
  own.scales = operand_arg<float>(info, index + 1);
  if (!info[index + 2].IsUndefined()) own.zero_points = operand_arg<uint8_t>(info, index + 2);
  require_same_place(info, own.w, own.packed);
  require_same_place(info, own.w, own.scales);
  if (own.zero_points.array.data != nullptr) require_same_place(info, own.w, own.zero_points);
  const BlockwiseLayout layout = layout_arg(info, 4, own.w.bytes / sizeof(float));
  require_lengths(info, layout, own.packed.bytes, own.scales.bytes / sizeof(float),
                  {static_cast<uint8_t*>(own.zero_points.array.data), own.zero_points.bytes});
  own.blocks = {layout.rows, layout.cols, layout.block, layout.bits, layout.transposed ? 1 : 0};
  return own;
}

}  // namespace

Napi::Value cuda_binding::quantize_blockwise(const Napi::CallbackInfo& info) {
  const BlockwiseOperands own = blockwise_args(info, 0, 1);
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 9, [=, &library](CudaCall* call) {
    if (own.w.bytes == 0) return 0;
    return library.quantize_blockwise(call, own.w.array, own.packed.array, own.scales.array,
                                      own.zero_points.array, &own.blocks);
  });
}

Napi::Value cuda_binding::dequantize_blockwise(const Napi::CallbackInfo& info) {
  const BlockwiseOperands own = blockwise_args(info, 3, 0);
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 9, [=, &library](CudaCall* call) {
    if (own.w.bytes == 0) return 0;
    return library.dequantize_blockwise(call, own.packed.array, own.scales.array, own.zero_points.array,
                                        own.w.array, &own.blocks);
  });
}

}  // namespace modelpress

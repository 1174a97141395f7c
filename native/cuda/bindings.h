// The operations of the CUDA backend, with the arguments of those of every backend.
#pragma once

#include <napi.h>

namespace modelpress::cuda_binding {

// The object that lib/backends/cuda.ts makes a backend of.
Napi::Value open(const Napi::CallbackInfo& info);

Napi::Value min_max(const Napi::CallbackInfo& info);
Napi::Value min_max_per_axis(const Napi::CallbackInfo& info);
Napi::Value quantize_linear(const Napi::CallbackInfo& info);
Napi::Value quantize_linear_per_axis(const Napi::CallbackInfo& info);
Napi::Value quantize_linear_blocked(const Napi::CallbackInfo& info);
Napi::Value dequantize_linear(const Napi::CallbackInfo& info);
Napi::Value dequantize_linear_per_axis(const Napi::CallbackInfo& info);
Napi::Value dequantize_linear_blocked(const Napi::CallbackInfo& info);
Napi::Value dynamic_quantize_linear(const Napi::CallbackInfo& info);
Napi::Value float32_to_float16(const Napi::CallbackInfo& info);
Napi::Value float16_to_float32(const Napi::CallbackInfo& info);
Napi::Value float32_to_bfloat16(const Napi::CallbackInfo& info);
Napi::Value bfloat16_to_float32(const Napi::CallbackInfo& info);
Napi::Value magnitude_threshold(const Napi::CallbackInfo& info);
Napi::Value prune_magnitude(const Napi::CallbackInfo& info);
Napi::Value prune_to_threshold(const Napi::CallbackInfo& info);
Napi::Value prune_nm(const Napi::CallbackInfo& info);
Napi::Value quantize_blockwise(const Napi::CallbackInfo& info);
Napi::Value dequantize_blockwise(const Napi::CallbackInfo& info);
Napi::Value pack_bitmask(const Napi::CallbackInfo& info);
Napi::Value unpack_bitmask(const Napi::CallbackInfo& info);

}  // namespace modelpress::cuda_binding

// What the addon exports: each function reads its arguments, checks that the memory they name is there, and
// calls a kernel.
#pragma once

#include <napi.h>

namespace modelpress::binding {

Napi::Value allocate(const Napi::CallbackInfo& info);
bool can_uncount(napi_env env);
Napi::Value map_file(const Napi::CallbackInfo& info);
Napi::Value file_size(const Napi::CallbackInfo& info);
Napi::Value open_file(const Napi::CallbackInfo& info);
Napi::Value read_safetensors_header(const Napi::CallbackInfo& info);
Napi::Value min_max(const Napi::CallbackInfo& info);
Napi::Value min_max_per_axis(const Napi::CallbackInfo& info);
Napi::Value summarize(const Napi::CallbackInfo& info);
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
Napi::Value quantize_gguf_q8_0(const Napi::CallbackInfo& info);
Napi::Value quantize_gguf_q4_0(const Napi::CallbackInfo& info);
Napi::Value dequantize_gguf_q8_0(const Napi::CallbackInfo& info);
Napi::Value dequantize_gguf_q4_0(const Napi::CallbackInfo& info);
Napi::Value quantize_blockwise(const Napi::CallbackInfo& info);
Napi::Value dequantize_blockwise(const Napi::CallbackInfo& info);
Napi::Value fit_blockwise(const Napi::CallbackInfo& info);
Napi::Value histogram(const Napi::CallbackInfo& info);
Napi::Value magnitude_threshold(const Napi::CallbackInfo& info);
Napi::Value magnitude_histogram(const Napi::CallbackInfo& info);
Napi::Value prune_magnitude(const Napi::CallbackInfo& info);
Napi::Value prune_to_threshold(const Napi::CallbackInfo& info);
Napi::Value prune_nm(const Napi::CallbackInfo& info);
Napi::Value prune_blocks(const Napi::CallbackInfo& info);
Napi::Value channel_norms(const Napi::CallbackInfo& info);
Napi::Value csr_offsets(const Napi::CallbackInfo& info);
Napi::Value to_csr(const Napi::CallbackInfo& info);
Napi::Value from_csr(const Napi::CallbackInfo& info);
Napi::Value count_nonzero(const Napi::CallbackInfo& info);
Napi::Value pack_bitmask(const Napi::CallbackInfo& info);
Napi::Value unpack_bitmask(const Napi::CallbackInfo& info);
Napi::Value accumulate_gram(const Napi::CallbackInfo& info);
Napi::Value accumulate_products(const Napi::CallbackInfo& info);
Napi::Value reversed_cholesky(const Napi::CallbackInfo& info);
Napi::Value compensate_rounding(const Napi::CallbackInfo& info);
Napi::Value fit_kept(const Napi::CallbackInfo& info);
Napi::Value compensate_pruning(const Napi::CallbackInfo& info);

}  // namespace modelpress::binding

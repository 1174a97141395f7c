// What the addon exports: each function reads its arguments, checks that the memory they name is there, and
// calls a kernel.
#pragma once

#include <napi.h>

namespace modelpress::binding {

Napi::Value map_file(const Napi::CallbackInfo& info);
void min_max(const Napi::CallbackInfo& info);
void min_max_per_axis(const Napi::CallbackInfo& info);
void quantize_linear(const Napi::CallbackInfo& info);
void quantize_linear_per_axis(const Napi::CallbackInfo& info);
void dequantize_linear(const Napi::CallbackInfo& info);
void dequantize_linear_per_axis(const Napi::CallbackInfo& info);
void float32_to_float16(const Napi::CallbackInfo& info);
void float16_to_float32(const Napi::CallbackInfo& info);
void float32_to_bfloat16(const Napi::CallbackInfo& info);
void bfloat16_to_float32(const Napi::CallbackInfo& info);
void quantize_gguf_q8_0(const Napi::CallbackInfo& info);
void quantize_gguf_q4_0(const Napi::CallbackInfo& info);
void dequantize_gguf_q8_0(const Napi::CallbackInfo& info);
void dequantize_gguf_q4_0(const Napi::CallbackInfo& info);
void histogram(const Napi::CallbackInfo& info);

}  // namespace modelpress::binding

#include "../args.h"
#include "../bindings.h"
#include "../job.h"

namespace modelpress {
namespace {

constexpr size_t kValues = 32;

Napi::Value quantize(const Napi::CallbackInfo& info, size_t bytes, QuantizeGguf* kernel) {
  const auto x = array_arg<float>(info, 0);
  const auto y = array_arg<uint8_t>(info, 1);
  require(info, x.length % kValues == 0, "x is not a whole number of blocks");
  const size_t blocks = x.length / kValues;
  require(info, y.length % bytes == 0 && y.length / bytes == blocks, "x and y differ in blocks");
  return execute(info, 2, {blocks, kValues * sizeof(float)}, [=](size_t begin, size_t end) {
    kernel(x.data + begin * kValues, y.data + begin * bytes, end - begin);
  });
}

Napi::Value dequantize(const Napi::CallbackInfo& info, size_t bytes, DequantizeGguf* kernel) {
  const auto x = array_arg<uint8_t>(info, 0);
  const auto y = array_arg<float>(info, 1);
  require(info, x.length % bytes == 0, "x is not a whole number of blocks");
  const size_t blocks = x.length / bytes;
  require(info, y.length % kValues == 0 && y.length / kValues == blocks, "x and y differ in blocks");
  return execute(info, 2, {blocks, kValues * sizeof(float)}, [=](size_t begin, size_t end) {
    kernel(x.data + begin * bytes, y.data + begin * kValues, end - begin);
  });
}

}  // namespace

Napi::Value binding::quantize_gguf_q8_0(const Napi::CallbackInfo& info) {
  return quantize(info, 34, kernels(info).quantize_gguf_q8_0);
}

Napi::Value binding::quantize_gguf_q4_0(const Napi::CallbackInfo& info) {
  return quantize(info, 18, kernels(info).quantize_gguf_q4_0);
}

Napi::Value binding::dequantize_gguf_q8_0(const Napi::CallbackInfo& info) {
  return dequantize(info, 34, kernels(info).dequantize_gguf_q8_0);
}

Napi::Value binding::dequantize_gguf_q4_0(const Napi::CallbackInfo& info) {
  return dequantize(info, 18, kernels(info).dequantize_gguf_q4_0);
}

}  // namespace modelpress

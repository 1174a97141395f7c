#include <napi.h>

#include "bindings.h"
#include "dispatch.h"

namespace modelpress {
namespace {

template <Napi::Function::VoidCallback operation>
void add(Napi::Object& backend, const char* name, const Kernels* kernels) {
  backend.Set(name, Napi::Function::New<operation>(backend.Env(), name, const_cast<Kernels*>(kernels)));
}

// One object per backend, best first; each has the shape of lib/backend.ts. Beside them "files", which no
// backend has.
Napi::Object init(Napi::Env env, Napi::Object exports) {
  for (const auto& [name, kernels] : supported_backends()) {
    Napi::Object backend = Napi::Object::New(env);
    backend.Set("name", name);
    add<binding::min_max>(backend, "minMax", kernels);
    add<binding::min_max_per_axis>(backend, "minMaxPerAxis", kernels);
    add<binding::quantize_linear>(backend, "quantizeLinear", kernels);
    add<binding::quantize_linear_per_axis>(backend, "quantizeLinearPerAxis", kernels);
    add<binding::dequantize_linear>(backend, "dequantizeLinear", kernels);
    add<binding::dequantize_linear_per_axis>(backend, "dequantizeLinearPerAxis", kernels);
    add<binding::float32_to_float16>(backend, "float32ToFloat16", kernels);
    add<binding::float16_to_float32>(backend, "float16ToFloat32", kernels);
    add<binding::float32_to_bfloat16>(backend, "float32ToBfloat16", kernels);
    add<binding::bfloat16_to_float32>(backend, "bfloat16ToFloat32", kernels);
    add<binding::quantize_gguf_q8_0>(backend, "quantizeGgufQ8_0", kernels);
    add<binding::quantize_gguf_q4_0>(backend, "quantizeGgufQ4_0", kernels);
    add<binding::dequantize_gguf_q8_0>(backend, "dequantizeGgufQ8_0", kernels);
    add<binding::dequantize_gguf_q4_0>(backend, "dequantizeGgufQ4_0", kernels);
    add<binding::histogram>(backend, "histogram", kernels);
    exports.Set(name, backend);
  }
  Napi::Object files = Napi::Object::New(env);
  files.Set("mapFile", Napi::Function::New<binding::map_file>(env, "mapFile"));
  exports.Set("files", files);
  return exports;
}

NODE_API_MODULE(modelpress, init)

}  // namespace
}  // namespace modelpress

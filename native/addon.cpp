#include <napi.h>

#include <vector>

#include "args.h"
#include "bindings.h"
#include "cpu.h"
#include "cuda/bindings.h"
#include "dispatch.h"

namespace modelpress {
namespace {

struct BackendTargets {
  const char* name;
  Target now, later;
};

// Functions point at their target for as long as the addon is loaded.
const std::vector<BackendTargets>& targets() {
  static const std::vector<BackendTargets> all = [] {
    std::vector<BackendTargets> list;
    for (const auto& [name, kernels] : supported_backends())
      list.push_back({name, {kernels, false}, {kernels, true}});
    return list;
  }();
  return all;
}

template <Napi::Value (*operation)(const Napi::CallbackInfo&)>
void add(Napi::Object& operations, const char* name, const Target& target) {
  operations.Set(name, Napi::Function::New<operation>(operations.Env(), name, const_cast<Target*>(&target)));
}

void add_operations(Napi::Object& operations, const Target& target) {
  add<binding::min_max>(operations, "minMax", target);
  add<binding::min_max_per_axis>(operations, "minMaxPerAxis", target);
  add<binding::summarize>(operations, "summarize", target);
  add<binding::quantize_linear>(operations, "quantizeLinear", target);
  add<binding::quantize_linear_per_axis>(operations, "quantizeLinearPerAxis", target);
  add<binding::quantize_linear_blocked>(operations, "quantizeLinearBlocked", target);
  add<binding::dequantize_linear>(operations, "dequantizeLinear", target);
  add<binding::dequantize_linear_per_axis>(operations, "dequantizeLinearPerAxis", target);
  add<binding::dequantize_linear_blocked>(operations, "dequantizeLinearBlocked", target);
  add<binding::dynamic_quantize_linear>(operations, "dynamicQuantizeLinear", target);
  add<binding::float32_to_float16>(operations, "float32ToFloat16", target);
  add<binding::float16_to_float32>(operations, "float16ToFloat32", target);
  add<binding::float32_to_bfloat16>(operations, "float32ToBfloat16", target);
  add<binding::bfloat16_to_float32>(operations, "bfloat16ToFloat32", target);
  add<binding::quantize_gguf_q8_0>(operations, "quantizeGgufQ8_0", target);
  add<binding::quantize_gguf_q4_0>(operations, "quantizeGgufQ4_0", target);
  add<binding::dequantize_gguf_q8_0>(operations, "dequantizeGgufQ8_0", target);
  add<binding::dequantize_gguf_q4_0>(operations, "dequantizeGgufQ4_0", target);
  add<binding::quantize_blockwise>(operations, "quantizeBlockwise", target);
  add<binding::dequantize_blockwise>(operations, "dequantizeBlockwise", target);
  add<binding::fit_blockwise>(operations, "fitBlockwise", target);
  add<binding::histogram>(operations, "histogram", target);
  add<binding::magnitude_threshold>(operations, "magnitudeThreshold", target);
  add<binding::magnitude_histogram>(operations, "magnitudeHistogram", target);
  add<binding::prune_magnitude>(operations, "pruneMagnitude", target);
  add<binding::prune_to_threshold>(operations, "pruneToThreshold", target);
  add<binding::prune_nm>(operations, "pruneNM", target);
  add<binding::prune_blocks>(operations, "pruneBlocks", target);
  add<binding::channel_norms>(operations, "channelNorms", target);
  add<binding::csr_offsets>(operations, "csrOffsets", target);
  add<binding::to_csr>(operations, "toCsr", target);
  add<binding::from_csr>(operations, "fromCsr", target);
  add<binding::count_nonzero>(operations, "countNonzero", target);
  add<binding::pack_bitmask>(operations, "packBitmask", target);
  add<binding::unpack_bitmask>(operations, "unpackBitmask", target);
  add<binding::accumulate_gram>(operations, "accumulateGram", target);
  add<binding::accumulate_products>(operations, "accumulateProducts", target);
  add<binding::reversed_cholesky>(operations, "reversedCholesky", target);
  add<binding::compensate_rounding>(operations, "compensateRounding", target);
  add<binding::fit_kept>(operations, "fitKept", target);
  add<binding::compensate_pruning>(operations, "compensatePruning", target);
}

// One object per backend, best first; each has the shape of lib/backend.ts. Beside them "files",
// "formats", "memory", "cpu" and "cuda", which no backend has.
Napi::Object init(Napi::Env env, Napi::Object exports) {
  for (const auto& [name, now, later] : targets()) {
    Napi::Object backend = Napi::Object::New(env);
    backend.Set("name", name);
    add_operations(backend, now);
    Napi::Object async = Napi::Object::New(env);
    add_operations(async, later);
    backend.Set("async", async);
    exports.Set(name, backend);
  }
  Napi::Object files = Napi::Object::New(env);
  files.Set("mapFile", Napi::Function::New<binding::map_file>(env, "mapFile"));
  files.Set("size", Napi::Function::New<binding::file_size>(env, "size"));
  files.Set("open", Napi::Function::New<binding::open_file>(env, "open"));
  files.Set("uncounted", binding::can_uncount(env));
  exports.Set("files", files);
  Napi::Object formats = Napi::Object::New(env);
  formats.Set("readSafetensorsHeader",
              Napi::Function::New<binding::read_safetensors_header>(env, "readSafetensorsHeader"));
  exports.Set("formats", formats);
  Napi::Object memory = Napi::Object::New(env);
  memory.Set("allocate", Napi::Function::New<binding::allocate>(env, "allocate"));
  exports.Set("memory", memory);
  Napi::Object cpu = Napi::Object::New(env);
  cpu.Set("vnni", cpu_has_vnni());
  exports.Set("cpu", cpu);
  Napi::Object cuda = Napi::Object::New(env);
  cuda.Set("open", Napi::Function::New<cuda_binding::open>(env, "open"));
  exports.Set("cuda", cuda);
  return exports;
}

NODE_API_MODULE(modelpress, init)

}  // namespace
}  // namespace modelpress

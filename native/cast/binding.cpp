#include "../args.h"
#include "../bindings.h"
#include "../job.h"

namespace modelpress {
namespace {

template <class In, class Out>
Napi::Value cast(const Napi::CallbackInfo& info, Cast<In, Out>* kernel) {
  const auto x = array_arg<In>(info, 0);
  const auto y = array_arg<Out>(info, 1);
  require(info, x.length == y.length, "x and y differ in length");
  return execute(info, 2, {x.length, sizeof(float)},
                 [=](size_t begin, size_t end) { kernel(x.data + begin, y.data + begin, end - begin); });
}

}  // namespace

Napi::Value binding::float32_to_float16(const Napi::CallbackInfo& info) {
  return cast(info, kernels(info).float32_to_float16);
}

Napi::Value binding::float16_to_float32(const Napi::CallbackInfo& info) {
  return cast(info, kernels(info).float16_to_float32);
}

Napi::Value binding::float32_to_bfloat16(const Napi::CallbackInfo& info) {
  return cast(info, kernels(info).float32_to_bfloat16);
}

Napi::Value binding::bfloat16_to_float32(const Napi::CallbackInfo& info) {
  return cast(info, kernels(info).bfloat16_to_float32);
}

}  // namespace modelpress

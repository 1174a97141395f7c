#include "../per_axis.h"
#include "bindings.h"
#include "operand.h"

namespace modelpress {

Napi::Value cuda_binding::min_max(const Napi::CallbackInfo& info) {
  const Operand x = operand_arg<float>(info, 0);
  const auto range = array_arg<float>(info, 1);
  require(info, range.length == 2, "range is not [min, max]");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 2, [=, &library](CudaCall* call) {
    return library.min_max(call, x.array, x.bytes / sizeof(float), range.data);
  });
}

Napi::Value cuda_binding::min_max_per_axis(const Napi::CallbackInfo& info) {
  const Operand x = operand_arg<float>(info, 0);
  const auto mins = array_arg<float>(info, 1);
  const auto maxs = array_arg<float>(info, 2);
  require(info, mins.length == maxs.length, "mins and maxs differ in length");
  const size_t n = x.bytes / sizeof(float);
  const Axis axis = axis_arg(info, 3, n, mins.length);
  // Without elements the axis has other channels than there are.
  const size_t channels = mins.length;
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 4, [=, &library](CudaCall* call) {
    if (channels == 0) return 0;
    return library.min_max_per_axis(call, x.array, n, channels, axis.inner, mins.data, maxs.data);
  });
}

}  // namespace modelpress

#include <cstring>
#include <vector>

#include "../prune/kernels.h"
#include "bindings.h"
#include "operand.h"

namespace modelpress {
namespace {

// Arrays of float32, one after the other, as one.
struct Arrays {
  std::vector<CudaArray> arrays;
  std::vector<uint64_t> lengths;

  size_t size() const {
    size_t sum = 0;
    for (const uint64_t length : lengths) sum += length;
    return sum;
  }
};

Arrays arrays_arg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsArray()) throw Napi::TypeError::New(info.Env(), "argument is not a list of arrays");
  const auto list = info[index].As<Napi::Array>();
  Arrays arrays;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Operand own = operand(info, list.Get(i), napi_float32_array);
    arrays.arrays.push_back(own.array);
    arrays.lengths.push_back(own.bytes / sizeof(float));
  }
  return arrays;
}

// x and y, array by array of one length and in one place.
struct Pruned {
  Arrays x, y;

  explicit Pruned(const Napi::CallbackInfo& info) : x(arrays_arg(info, 0)), y(arrays_arg(info, 1)) {
    require(info, x.lengths == y.lengths, "x and y differ in length");
    for (size_t i = 0; i < x.arrays.size(); ++i)
      require(info, x.arrays[i].on_device == y.arrays[i].on_device, "x and y are not both on the device");
  }
};

size_t count_arg(const Napi::CallbackInfo& info, size_t index, size_t least, size_t most) {
  const double value = number_arg(info, index);
  require(
      info,
      value >= static_cast<double>(least) && value <= static_cast<double>(most) && value == std::floor(value),
      "k is not a number of elements");
  return static_cast<size_t>(value);
}

}  // namespace

Napi::Value cuda_binding::magnitude_threshold(const Napi::CallbackInfo& info) {
  const Arrays x = arrays_arg(info, 0);
  const size_t k = count_arg(info, 1, 1, x.size());
  const auto result = array_arg<float>(info, 2);
  require(info, result.length == 1, "result is not one float32");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 3, [=, &library](CudaCall* call) {
    int32_t magnitude = 0;
    const int32_t status =
        library.magnitude_threshold(call, x.arrays.data(), x.lengths.data(), x.arrays.size(), k, &magnitude);
    std::memcpy(result.data, &magnitude, sizeof(magnitude));
    return status;
  });
}

Napi::Value cuda_binding::prune_magnitude(const Napi::CallbackInfo& info) {
  const Pruned pruned(info);
  const size_t k = count_arg(info, 2, 0, pruned.x.size());
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 3, [=, &library](CudaCall* call) {
    const auto& [x, y] = pruned;
    return library.prune_magnitude(call, x.arrays.data(), y.arrays.data(), x.lengths.data(), x.arrays.size(),
                                   k);
  });
}

Napi::Value cuda_binding::prune_to_threshold(const Napi::CallbackInfo& info) {
  const Pruned pruned(info);
  const auto threshold = static_cast<float>(number_arg(info, 2));
  require(info, threshold >= 0, "threshold is not a magnitude");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 3, [=, &library](CudaCall* call) {
    const auto& [x, y] = pruned;
    int32_t limit;
    std::memcpy(&limit, &threshold, sizeof(limit));
    return library.prune_to_threshold(call, x.arrays.data(), y.arrays.data(), x.lengths.data(),
                                      x.arrays.size(), limit & 0x7fffffff);
  });
}

Napi::Value cuda_binding::prune_nm(const Napi::CallbackInfo& info) {
  const Operand x = operand_arg<float>(info, 0);
  const Operand y = operand_arg<float>(info, 1);
  const size_t keep = count_arg(info, 2, 0, kMaxGroup);
  const size_t of = count_arg(info, 3, 2, kMaxGroup);
  const size_t inner = size_arg(info, 4);
  const size_t n = x.bytes / sizeof(float);
  require_same_place(info, x, y);
  require(info, x.bytes == y.bytes, "x and y differ in length");
  require(info, inner <= n / of || n == 0, "inner is larger than x");
  require(info, n % (of * inner) == 0, "x is not a whole number of groups");
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 5, [=, &library](CudaCall* call) {
    return library.prune_nm(call, x.array, y.array, n, static_cast<int32_t>(keep), static_cast<int32_t>(of),
                            inner);
  });
}

}  // namespace modelpress

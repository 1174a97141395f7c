#include "bindings.h"
#include "operand.h"

namespace modelpress {
namespace {

// Elements of any type, of which just the bits count.
struct AnyOperand {
  Operand operand;
  size_t width;

  size_t length() const { return operand.bytes / width; }
};

AnyOperand any_operand(const Napi::CallbackInfo& info, size_t index) {
  if (const DeviceAllocation* const allocation = device_allocation(info.Env(), info[index])) {
    require(info, allocation->data != nullptr, "the device buffer was disposed");
    return {{{allocation->data, 1}, allocation->bytes}, allocation->width};
  }
  const AnyArray array = any_array_arg(info, index);
  const size_t width = element_size(array.type);
  if (width > 4) no_kernel(info);
  return {{{array.data, 0}, array.length * width}, width};
}

Array<double> count_arg(const Napi::CallbackInfo& info, size_t index) {
  const auto count = array_arg<double>(info, index);
  require(info, count.length == 1, "count is not one number");
  return count;
}

// What both directions check: elements in rows of `columns`, their bits and what is stored of them.
size_t columns_arg(const Napi::CallbackInfo& info, const AnyOperand& elements, const Operand& bitmask,
                   const AnyOperand& values) {
  const size_t columns = size_arg(info, 3);
  require_same_place(info, elements.operand, bitmask);
  require_same_place(info, elements.operand, values.operand);
  require(info, elements.length() % columns == 0, "x is not whole rows");
  require(info, bitmask.bytes == elements.length() / columns * ((columns + 7) / 8),
          "the bitmask does not have whole bytes for every row");
  return columns;
}

}  // namespace

Napi::Value cuda_binding::pack_bitmask(const Napi::CallbackInfo& info) {
  const AnyOperand x = any_operand(info, 0);
  const Operand bitmask = operand_arg<uint8_t>(info, 1);
  const AnyOperand values = any_operand(info, 2);
  const auto stored = count_arg(info, 4);
  require(info, values.width == x.width, "values is not of the type of x");
  const size_t columns = columns_arg(info, x, bitmask, values);
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 5, [=, &library](CudaCall* call) {
    return library.pack_bitmask(call, x.operand.array, bitmask.array, values.operand.array,
                                static_cast<int32_t>(x.width), x.length(), columns, values.length(),
                                stored.data);
  });
}

Napi::Value cuda_binding::unpack_bitmask(const Napi::CallbackInfo& info) {
  const Operand bitmask = operand_arg<uint8_t>(info, 0);
  const AnyOperand values = any_operand(info, 1);
  const AnyOperand y = any_operand(info, 2);
  const auto used = count_arg(info, 4);
  require(info, values.width == y.width, "values is not of the type of y");
  const size_t columns = columns_arg(info, y, bitmask, values);
  const CudaLibrary& library = cuda_library(info);
  return execute_on_device(info, 5, [=, &library](CudaCall* call) {
    return library.unpack_bitmask(call, bitmask.array, values.operand.array, y.operand.array,
                                  static_cast<int32_t>(y.width), y.length(), columns, values.length(),
                                  used.data);
  });
}

}  // namespace modelpress

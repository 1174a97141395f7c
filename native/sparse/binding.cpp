#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "../bindings.h"
#include "../job.h"
#include "bit_rows.h"

namespace modelpress {
namespace {

constexpr size_t kPart = size_t{1} << 16;

// The kernels for elements of the width of x, of which just the bits count.
template <class Visit>
Napi::Value with_width(const Napi::CallbackInfo& info, const AnyArray& x, const Visit& visit) {
  const Kernels& k = kernels(info);
  switch (x.type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return visit(x.as<uint8_t>(), k.count_nonzero_u8, k.pack_bitmask_u8, k.unpack_bitmask_u8);
    case napi_int16_array:
    case napi_uint16_array:
      return visit(x.as<uint16_t>(), k.count_nonzero_u16, k.pack_bitmask_u16, k.unpack_bitmask_u16);
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return visit(x.as<uint32_t>(), k.count_nonzero_u32, k.pack_bitmask_u32, k.unpack_bitmask_u32);
    default:
      no_kernel(info);
  }
}

Array<double> count_arg(const Napi::CallbackInfo& info, size_t index) {
  const auto count = array_arg<double>(info, index);
  require(info, count.length == 1, "count is not one number");
  return count;
}

// Where the elements of x lie in a bitmask at `index`, with the columns at index + 1.
BitRows bit_rows_arg(const Napi::CallbackInfo& info, size_t elements, const Array<uint8_t>& bitmask,
                     size_t columns_index, size_t threads_index) {
  const size_t columns = size_arg(info, columns_index);
  require(info, elements % columns == 0, "x is not whole rows");
  require(info, bitmask.length == elements / columns * ((columns + 7) / 8),
          "the bitmask does not have whole bytes for every row");
  // In one piece where one thread does all: kernels see the size of the whole.
  const size_t threads = thread_count(threads_arg(info, threads_index), {elements, sizeof(float)});
  const bool in_parts = is_async(info) || threads != 1;
  return BitRows(elements, columns, in_parts ? kPart : std::max<size_t>(1, elements));
}

// Where the values of each part begin, and after the last of them where they end.
template <class Count>
std::vector<size_t> starts_of(const BitRows& rows, const Steps& steps, const Count& count) {
  std::vector<size_t> starts(rows.parts() + 1);
  steps(rows.units(), [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; ++part) {
      size_t sum = 0;
      rows.for_each_row(part, [&](const BitRow& row) { sum += count(row); });
      starts[part + 1] = sum;
    }
  });
  for (size_t part = 0; part < rows.parts(); ++part) starts[part + 1] += starts[part];
  return starts;
}

}  // namespace

Napi::Value binding::count_nonzero(const Napi::CallbackInfo& info) {
  const AnyArray x = any_array_arg(info, 0);
  const double bits = number_arg(info, 1);
  require(info, bits >= 0 && bits <= 0xffffffff, "mask is not 32 bits");
  const auto mask = static_cast<uint32_t>(bits);
  const auto count = count_arg(info, 2);
  return with_width(info, x, [&](auto* data, auto* kernel, auto*, auto*) {
    using T = std::remove_pointer_t<decltype(data)>;
    const auto sum = std::make_shared<std::atomic<size_t>>(0);
    return execute(
        info, 3, {x.length, sizeof(T)},
        [=](size_t begin, size_t end) {
          sum->fetch_add(kernel(data + begin, end - begin, static_cast<T>(mask)));
        },
        [=] { count.data[0] = static_cast<double>(sum->load()); });
  });
}

// Count gets how many values there are, of which those that there is room for are stored.
Napi::Value binding::pack_bitmask(const Napi::CallbackInfo& info) {
  const AnyArray x = any_array_arg(info, 0);
  const auto bitmask = array_arg<uint8_t>(info, 1);
  const AnyArray values = any_array_arg(info, 2);
  require(info, values.type == x.type, "values is not of the type of x");
  const auto result = count_arg(info, 4);
  const BitRows rows = bit_rows_arg(info, x.length, bitmask, 3, 5);
  return with_width(info, x, [&](auto* data, auto* count, auto* pack, auto*) {
    using T = std::remove_pointer_t<decltype(data)>;
    auto* const stored = values.as<T>();
    return execute_steps(info, 5, [=](const Steps& steps) {
      const auto pack_part = [&](size_t part, size_t start, size_t end) {
        size_t at = start;
        rows.for_each_row(part, [&](const BitRow& row) {
          const size_t used = std::min({at, end, values.length});
          const size_t room = std::min(end, values.length) - used;
          at += pack(data + row.at, row.n, bitmask.data + row.byte, stored + used, room);
        });
        return at;
      };
      if (rows.parts() == 1) {
        result.data[0] = static_cast<double>(pack_part(0, 0, values.length));
        return;
      }
      const auto starts = starts_of(
          rows, steps, [&](const BitRow& row) { return count(data + row.at, row.n, static_cast<T>(-1)); });
      result.data[0] = static_cast<double>(starts.back());
      steps(rows.units(), [&](size_t begin, size_t end) {
        for (size_t part = begin; part < end; ++part) pack_part(part, starts[part], starts[part + 1]);
      });
    });
  });
}

// Count gets how many bits are set; where that is not the length of `values`, y stays as it is.
Napi::Value binding::unpack_bitmask(const Napi::CallbackInfo& info) {
  const auto bitmask = array_arg<uint8_t>(info, 0);
  const AnyArray values = any_array_arg(info, 1);
  const AnyArray y = any_array_arg(info, 2);
  require(info, values.type == y.type, "values is not of the type of y");
  const auto result = count_arg(info, 4);
  const BitRows rows = bit_rows_arg(info, y.length, bitmask, 3, 5);
  return with_width(info, y, [&](auto* data, auto*, auto*, auto* unpack) {
    using T = std::remove_pointer_t<decltype(data)>;
    const auto* const stored = values.as<const T>();
    return execute_steps(info, 5, [=](const Steps& steps) {
      const auto starts =
          starts_of(rows, steps, [&](const BitRow& row) { return bits_set(bitmask.data + row.byte, row.n); });
      result.data[0] = static_cast<double>(starts.back());
      if (starts.back() != values.length) return;
      steps(rows.units(), [&](size_t begin, size_t end) {
        for (size_t part = begin; part < end; ++part) {
          size_t at = starts[part];
          rows.for_each_row(part, [&](const BitRow& row) {
            at += unpack(bitmask.data + row.byte, stored + at, starts[part + 1] - at, data + row.at, row.n);
          });
        }
      });
    });
  });
}

}  // namespace modelpress

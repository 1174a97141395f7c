#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>
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

namespace {

// A matrix in compressed sparse rows. Offsets are checked where they are used: another thread may change
// them.
struct Csr {
  Array<float> values;
  Array<int32_t> columns, offsets;

  size_t rows() const { return offsets.length - 1; }

  // Where the values of a row begin and how many there are.
  std::pair<size_t, size_t> row(size_t i) const {
    const auto begin = static_cast<size_t>(std::max(0, offsets.data[i]));
    const auto end = std::min(static_cast<size_t>(std::max(0, offsets.data[i + 1])), values.length);
    return begin < end ? std::pair{begin, end - begin} : std::pair{size_t{0}, size_t{0}};
  }

  // Counts to the end, so that several are compared at a time. Of columns that rise only two can lie outside.
  bool has_columns_that_rise(size_t i, size_t cols) const {
    const auto [begin, n] = row(i);
    if (n == 0) return true;
    const int32_t* const own = columns.data + begin;
    uint32_t falls = 0;
    for (size_t k = 1; k < n; ++k) falls += own[k] <= own[k - 1] ? 1 : 0;
    return falls == 0 && own[0] >= 0 && static_cast<size_t>(own[n - 1]) < cols;
  }

  // Writes the values of a row, which has `cols` columns, to their places. Four are read before they are
  // written, in one go, since only here it is known that they lie apart: 1.2 times as fast, measured.
  void scatter(size_t i, float* to, size_t cols) const {
    constexpr size_t kTogether = 4;
    auto [at, left] = row(i);
    for (; left >= kTogether; at += kTogether, left -= kTogether) place<kTogether>(at, to, cols);
    for (; left > 0; ++at, --left) place<1>(at, to, cols);
  }

 private:
  template <size_t count>
  void place(size_t at, float* to, size_t cols) const {
    uint32_t column[count];
    float value[count];
    for (size_t k = 0; k < count; ++k) {
      column[k] = static_cast<uint32_t>(columns.data[at + k]);
      value[k] = values.data[at + k];
    }
    for (size_t k = 0; k < count; ++k)
      if (column[k] < cols) to[column[k]] = value[k];
  }
};

Csr csr_arg(const Napi::CallbackInfo& info, size_t index) {
  const Csr csr = {array_arg<float>(info, index), array_arg<int32_t>(info, index + 1),
                   array_arg<int32_t>(info, index + 2)};
  require(info, csr.values.length == csr.columns.length, "values and indices differ in length");
  require(info, csr.offsets.length >= 1, "there are no offsets");
  return csr;
}

// The columns of a matrix of so many rows.
size_t columns_arg(const Napi::CallbackInfo& info, size_t index, size_t elements, size_t rows) {
  const size_t columns = size_arg(info, index);
  require(info, elements % columns == 0 && elements / columns == rows, "x does not have the rows of offsets");
  return columns;
}

}  // namespace

Napi::Value binding::csr_offsets(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto offsets = array_arg<int32_t>(info, 2);
  require(info, offsets.length >= 1 && x.length <= 0x7fffffff, "there are no offsets for x");
  const size_t columns = columns_arg(info, 1, x.length, offsets.length - 1);
  const Kernels& k = kernels(info);
  const auto* const bits = reinterpret_cast<const uint32_t*>(x.data);
  return execute(
      info, 3, {offsets.length - 1, columns * sizeof(float)},
      [=, &k](size_t begin, size_t end) {
        for (size_t row = begin; row < end; ++row)
          offsets.data[row + 1] =
              static_cast<int32_t>(k.count_nonzero_u32(bits + row * columns, columns, 0xffffffff));
      },
      [=] {
        offsets.data[0] = 0;
        for (size_t row = 1; row < offsets.length; ++row) offsets.data[row] += offsets.data[row - 1];
      });
}

Napi::Value binding::to_csr(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const Csr csr = csr_arg(info, 2);
  const size_t columns = columns_arg(info, 1, x.length, csr.rows());
  const Kernels& k = kernels(info);
  const auto* const bits = reinterpret_cast<const uint32_t*>(x.data);
  return execute(info, 5, {csr.rows(), columns * sizeof(float)}, [=, &k](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      const auto [at, room] = csr.row(row);
      auto* const values = reinterpret_cast<uint32_t*>(csr.values.data) + at;
      k.gather_nonzero_u32(bits + row * columns, columns, csr.columns.data + at, values, room);
    }
  });
}

// Problem gets the first row whose columns do not rise, or lie outside; y stays as it is then. Else -1.
Napi::Value binding::from_csr(const Napi::CallbackInfo& info) {
  const Csr csr = csr_arg(info, 0);
  const auto y = array_arg<float>(info, 3);
  const size_t columns = columns_arg(info, 4, y.length, csr.rows());
  const auto problem = array_arg<double>(info, 5);
  require(info, problem.length == 1, "problem is not one number");
  return execute_steps(info, 6, [=](const Steps& steps) {
    const Units units = {csr.rows(), columns * sizeof(float)};
    std::atomic<size_t> first{csr.rows()};
    steps(units, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        if (csr.has_columns_that_rise(row, columns)) continue;
        size_t known = first.load();
        while (row < known && !first.compare_exchange_weak(known, row)) {
        }
        return;
      }
    });
    problem.data[0] = first < csr.rows() ? static_cast<double>(first) : -1;
    if (first < csr.rows()) return;
    steps(units, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        float* const to = y.data + row * columns;
        std::fill_n(to, columns, 0.0f);
        csr.scatter(row, to, columns);
      }
    });
  });
}

}  // namespace modelpress

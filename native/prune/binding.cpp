#include <limits>
#include <memory>
#include <new>

#include "../bindings.h"
#include "../shared_counts.h"
#include "kth_magnitude.h"

namespace modelpress {
namespace {

Arrays arrays_arg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsArray()) throw Napi::TypeError::New(info.Env(), "argument is not a list of arrays");
  const auto list = info[index].As<Napi::Array>();
  std::vector<Array<float>> arrays;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const AnyArray array = any_array(info, list.Get(i));
    if (array.type != napi_float32_array)
      throw Napi::TypeError::New(info.Env(), "typed array of another element type");
    arrays.push_back({array.as<float>(), array.length});
  }
  return Arrays(std::move(arrays));
}

// x and y, array by array of one length.
struct Operands {
  Arrays x, y;

  Operands(const Napi::CallbackInfo& info) : x(arrays_arg(info, 0)), y(arrays_arg(info, 1)) {
    require(info, x.has_lengths_of(y), "x and y differ in length");
  }

  Units units() const { return {x.size(), sizeof(float)}; }

  void prune(const Kernels& k, size_t begin, size_t end, int32_t limit) const {
    x.for_each_part(begin, end, [&](size_t array, size_t from, size_t to) {
      k.prune_magnitudes_f32(x.data(array) + from, y.data(array) + from, to - from, limit);
    });
  }

  void prune_first(size_t begin, size_t end, int32_t magnitude, size_t count) const {
    x.for_each_part(begin, end, [&](size_t array, size_t from, size_t to) {
      for (size_t i = from; i < to; ++i) {
        const float value = x.data(array)[i];
        const int32_t own = magnitude_of(value);
        const bool goes = own < magnitude || (own == magnitude && count > 0);
        if (own == magnitude && count > 0) --count;
        y.data(array)[i] = goes ? 0.0f : value;
      }
    });
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

// Elements whose equals are counted together, to find those that come first whatever the threads.
constexpr size_t kPart = size_t{1} << 16;

// Where more values are as small as the k-th than there is room for, the first ones go.
void prune_ties(const Kernels& k, const Operands& operands, const KthMagnitude& kth, size_t count,
                const Steps& steps) {
  const size_t size = operands.x.size();
  const Units parts{(size + kPart - 1) / kPart, kPart * sizeof(float)};
  std::vector<size_t> equals(parts.count);
  const auto end_of = [&](size_t part) { return std::min(size, (part + 1) * kPart); };
  steps(parts, [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; ++part) {
      MagnitudeCounts counts{};
      operands.x.for_each_part(part * kPart, end_of(part), [&](size_t array, size_t from, size_t to) {
        k.collect_magnitudes_f32(operands.x.data(array) + from, to - from, kth.magnitude, kth.magnitude,
                                 counts, nullptr);
      });
      equals[part] = counts.inside;
    }
  });
  std::vector<size_t> before(parts.count + 1);
  for (size_t part = 0; part < parts.count; ++part) before[part + 1] = before[part] + equals[part];
  steps(parts, [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; ++part) {
      if (before[part + 1] <= count)
        operands.prune(k, part * kPart, end_of(part), kth.magnitude);
      else if (before[part] >= count)
        operands.prune(k, part * kPart, end_of(part), kth.magnitude - 1);
      else
        operands.prune_first(part * kPart, end_of(part), kth.magnitude, count - before[part]);
    }
  });
}

constexpr size_t kUpperBins = size_t{1} << (31 - kLowBits);
constexpr size_t kLowerBins = size_t{1} << kLowBits;

// What is found in so many elements fits on the stack.
constexpr size_t kFoundPart = size_t{1} << 12;

// Counts the magnitudes in one bin by their lower bits.
void count_within(const Kernels& k, const float* x, size_t n, int32_t bin, uint32_t* counts) {
  int32_t found[kFoundPart + kFoundSlack];
  const int32_t lo = bin << kLowBits;
  const int32_t hi = lo + static_cast<int32_t>(kLowerBins - 1);
  for (size_t begin = 0; begin < n; begin += kFoundPart) {
    MagnitudeCounts inside{};
    k.collect_magnitudes_f32(x + begin, std::min(kFoundPart, n - begin), lo, hi, inside, found);
    for (size_t i = 0; i < inside.inside; ++i) ++counts[found[i] - lo];
  }
}

// A matrix cut into blocks, of which those at its right and lower edge may be smaller.
struct BlockGrid {
  size_t rows, cols, block_rows, block_cols;

  size_t down() const { return (rows + block_rows - 1) / block_rows; }
  size_t across() const { return (cols + block_cols - 1) / block_cols; }
  size_t height(size_t i) const { return std::min(block_rows, rows - i * block_rows); }
  size_t width(size_t j) const { return std::min(block_cols, cols - j * block_cols); }
  Units units() const { return {down(), block_rows * cols * sizeof(float)}; }
};

// Means of what the kernel sums, as bits: without a sign they are in the order of the values, NaN last.
std::vector<uint64_t> mean_norms(const BlockGrid& grid, const float* x, NormSums* sums_of,
                                 const Steps& steps) {
  std::vector<double> means(grid.down() * grid.across());
  steps(grid.units(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float* const from = x + i * grid.block_rows * grid.cols;
      double* const to = means.data() + i * grid.across();
      const size_t whole = grid.cols / grid.block_cols;
      const size_t rest = grid.cols % grid.block_cols;
      sums_of(from, grid.height(i), grid.cols, whole, grid.block_cols, to);
      if (rest > 0) sums_of(from + whole * grid.block_cols, grid.height(i), grid.cols, 1, rest, to + whole);
      for (size_t j = 0; j < grid.across(); ++j) {
        to[j] /= static_cast<double>(grid.height(i) * grid.width(j));
        if (to[j] != to[j]) to[j] = std::numeric_limits<double>::quiet_NaN();
      }
    }
  });
  std::vector<uint64_t> bits(means.size());
  std::memcpy(bits.data(), means.data(), means.size() * sizeof(double));
  return bits;
}

// For each value whether it is one of the `count` smallest; of equals the first are.
std::vector<uint8_t> smallest(const std::vector<uint64_t>& values, size_t count) {
  std::vector<uint8_t> are(values.size());
  if (count == 0) return are;
  std::vector<uint64_t> ordered = values;
  const auto last = ordered.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(ordered.begin(), last, ordered.end());
  const uint64_t limit = *last;
  size_t equals = count - static_cast<size_t>(std::count_if(values.begin(), values.end(),
                                                            [=](uint64_t value) { return value < limit; }));
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_counted = values[i] == limit && equals > 0;
    if (is_counted) --equals;
    are[i] = values[i] < limit || is_counted ? 1 : 0;
  }
  return are;
}

void prune_block_row(const BlockGrid& grid, const float* x, float* y, size_t i, const uint8_t* removed) {
  for (size_t row = i * grid.block_rows; row < i * grid.block_rows + grid.height(i); ++row) {
    float* const to = y + row * grid.cols;
    if (x != y) std::copy_n(x + row * grid.cols, grid.cols, to);
    for (size_t j = 0; j < grid.across(); ++j)
      if (removed[j] != 0) std::fill_n(to + j * grid.block_cols, grid.width(j), 0.0f);
  }
}

}  // namespace

// result becomes the k-th smallest magnitude.
Napi::Value binding::magnitude_threshold(const Napi::CallbackInfo& info) {
  const Arrays x = arrays_arg(info, 0);
  const size_t count = count_arg(info, 1, 1, x.size());
  const auto result = array_arg<float>(info, 2);
  require(info, result.length == 1, "result is not one float32");
  const Kernels& k = kernels(info);
  return execute_steps(info, 3, [=, &k](const Steps& steps) {
    const KthMagnitude kth = MagnitudeSearch(k, x, steps).find(count);
    std::memcpy(result.data, &kth.magnitude, sizeof(kth.magnitude));
  });
}

// counts become those by upper bits, or of the bin `within`, from 0, by the lower ones.
Napi::Value binding::magnitude_histogram(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto within = static_cast<int32_t>(number_arg(info, 1));
  const auto counts = array_arg<double>(info, 2);
  require(info, within >= -1 && within < static_cast<int32_t>(kUpperBins), "no such bin");
  require(info, counts.length == (within < 0 ? kUpperBins : kLowerBins), "counts has another length");
  const Kernels& k = kernels(info);
  try {
    const auto shared = std::make_shared<SharedCounts>(counts.length, 1, counts.length, counts.data);
    return execute(
        info, 3, {x.length, sizeof(float)},
        [=, &k](size_t begin, size_t end) {
          shared->count(end - begin, [&](size_t from, size_t to, uint32_t* table) {
            const float* const part = x.data + begin + from;
            if (within < 0) return k.count_magnitudes_f32(part, to - from, table);
            count_within(k, part, to - from, within, table);
          });
        },
        [=] { shared->finish(); });
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "no memory for the counters");
  }
}

Napi::Value binding::prune_magnitude(const Napi::CallbackInfo& info) {
  const Operands operands(info);
  const size_t count = count_arg(info, 2, 0, operands.x.size());
  const Kernels& k = kernels(info);
  return execute_steps(info, 3, [=, &k](const Steps& steps) {
    KthMagnitude kth{-1, 0, 0};
    if (count > 0) kth = MagnitudeSearch(k, operands.x, steps).find(count);
    if (steps.cancelled()) return;
    if (count - kth.below < kth.equals) return prune_ties(k, operands, kth, count - kth.below, steps);
    steps(operands.units(), [&](size_t begin, size_t end) { operands.prune(k, begin, end, kth.magnitude); });
  });
}

Napi::Value binding::prune_to_threshold(const Napi::CallbackInfo& info) {
  const Operands operands(info);
  const auto threshold = static_cast<float>(number_arg(info, 2));
  require(info, threshold >= 0, "threshold is not a magnitude");
  const int32_t limit = magnitude_of(threshold);
  const Kernels& k = kernels(info);
  return execute(info, 3, operands.units(),
                 [=, &k](size_t begin, size_t end) { operands.prune(k, begin, end, limit); });
}

// x as [outer, size, inner], in groups of `of` along the middle.
Napi::Value binding::prune_nm(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = array_arg<float>(info, 1);
  const size_t keep = count_arg(info, 2, 0, kMaxGroup);
  const size_t of = count_arg(info, 3, 2, kMaxGroup);
  const size_t inner = size_arg(info, 4);
  require(info, x.length == y.length, "x and y differ in length");
  require(info, inner <= x.length / of || x.length == 0, "inner is larger than x");
  const size_t group = of * inner;
  require(info, x.length % group == 0, "x is not a whole number of groups");
  const Kernels& k = kernels(info);
  const auto kept = static_cast<int>(keep);
  const auto size = static_cast<int>(of);
  return execute(info, 5, {x.length / group, group * sizeof(float)}, [=, &k](size_t begin, size_t end) {
    if (inner == 1)
      return k.prune_groups_f32(x.data + begin * of, y.data + begin * of, end - begin, kept, size);
    for (size_t i = begin; i < end; ++i)
      k.prune_group_lanes_f32(x.data + i * group, y.data + i * group, inner, inner, kept, size);
  });
}

Napi::Value binding::prune_blocks(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = array_arg<float>(info, 1);
  require(info, x.length == y.length, "x and y differ in length");
  const size_t cols = size_arg(info, 2);
  require(info, x.length % cols == 0, "x is not whole rows");
  const BlockGrid grid = {x.length / cols, cols, size_arg(info, 3), size_arg(info, 4)};
  require(info, grid.block_rows <= std::max<size_t>(1, grid.rows) && grid.block_cols <= cols,
          "a block is larger than x");
  const size_t count = count_arg(info, 5, 0, grid.down() * grid.across());
  const double order = number_arg(info, 6);
  require(info, order == 1 || order == 2, "order is not 1 or 2");
  const Kernels& k = kernels(info);
  NormSums* const sums_of = order == 2 ? k.square_sums_f32 : k.magnitude_sums_f32;
  return execute_steps(info, 7, [=](const Steps& steps) {
    const auto removed = smallest(mean_norms(grid, x.data, sums_of, steps), count);
    if (steps.cancelled()) return;
    steps(grid.units(), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        prune_block_row(grid, x.data, y.data, i, removed.data() + i * grid.across());
    });
  });
}

}  // namespace modelpress

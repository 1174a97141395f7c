#include "../bindings.h"
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

}  // namespace modelpress

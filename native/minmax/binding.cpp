#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "../bindings.h"
#include "../per_axis.h"
#include "reduce.h"

namespace modelpress {
namespace {

void fold_part(const Kernels& k, const float* x, const AxisPart& part, float* mins, float* maxs) {
  const Axis& axis = part.axis;
  // A tile of lanes pays only where it is used again: in the end they are folded into their channels.
  const bool is_short = axis.total < 4 * axis.stride();
  if (axis.is_lanes() || (axis.inner == 1 && is_short)) {
    k.min_max_lanes_f32(x, axis.total / axis.channels, axis.channels, axis.channels, mins, maxs);
  } else if (axis.inner >= kRowMin || is_short) {
    for (size_t i = 0, c = 0; i < axis.total; i += axis.inner, c = c + 1 == axis.channels ? 0 : c + 1)
      k.min_max_f32(x + i, axis.inner, mins + c, maxs + c);
  } else {
    float lane_mins[kTile];
    float lane_maxs[kTile];
    const size_t stride = axis.stride();
    for (size_t first = 0; first < stride; first += kTile) {
      const size_t count = std::min(kTile, stride - first);
      std::fill_n(lane_mins, count, kInfinity);
      std::fill_n(lane_maxs, count, -kInfinity);
      for_each_part(axis, first, count, [&](size_t at, size_t rows, size_t n) {
        k.min_max_lanes_f32(x + at, rows, stride, n, lane_mins, lane_maxs);
      });
      float unused_max = -kInfinity;
      float unused_min = kInfinity;
      for_each_run(axis, first, count, [&](size_t at, size_t run, size_t channel) {
        k.min_max_f32(lane_mins + at, run, mins + channel, &unused_max);
        k.min_max_f32(lane_maxs + at, run, &unused_min, maxs + channel);
      });
    }
  }
}

template <class T>
struct SharedSummary {
  using Limits = std::numeric_limits<T>;
  std::mutex mutex;
  T min = Limits::has_infinity ? Limits::infinity() : Limits::max();
  T max = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  uint64_t zeros = 0;
  uint64_t nans = 0;
};

template <class T>
Napi::Value summarize_as(const Napi::CallbackInfo& info, Summarize<T>* kernel) {
  const AnyArray x = any_array_arg(info, 0);
  const AnyArray range = any_array_arg(info, 1);
  const auto counts = array_arg<double>(info, 2);
  require(info, range.type == x.type && range.length == 2, "range is not [min, max] of x's type");
  require(info, counts.length == 2, "counts is not [zeros, NaNs]");
  const auto shared = std::make_shared<SharedSummary<T>>();
  return execute(
      info, 3, {x.length, sizeof(T)},
      [=](size_t begin, size_t end) {
        SharedSummary<T> part;
        kernel(x.as<const T>() + begin, end - begin, &part.min, &part.max, &part.zeros, &part.nans);
        const std::lock_guard lock(shared->mutex);
        shared->min = std::min(shared->min, part.min);
        shared->max = std::max(shared->max, part.max);
        shared->zeros += part.zeros;
        shared->nans += part.nans;
      },
      [=] {
        // Adding +0 turns -0 into +0.
        range.as<T>()[0] = static_cast<T>(shared->min + T{0});
        range.as<T>()[1] = static_cast<T>(shared->max + T{0});
        counts.data[0] = static_cast<double>(shared->zeros);
        counts.data[1] = static_cast<double>(shared->nans);
      });
}

}  // namespace

Napi::Value binding::min_max(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto range = array_arg<float>(info, 1);
  require(info, range.length == 2, "range is not [min, max]");
  const Kernels& k = kernels(info);
  const auto shared = std::make_shared<SharedRange>();
  return execute(
      info, 2, {x.length, sizeof(float)},
      [=, &k](size_t begin, size_t end) { shared->fold(k, x.data + begin, end - begin); },
      [=] {
        range.data[0] = shared->min();
        range.data[1] = shared->max();
      });
}

Napi::Value binding::min_max_per_axis(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto mins = array_arg<float>(info, 1);
  const auto maxs = array_arg<float>(info, 2);
  require(info, mins.length == maxs.length, "mins and maxs differ in length");
  const Axis axis = axis_arg(info, 3, x.length, mins.length);
  const Kernels& k = kernels(info);
  const auto mutex = std::make_shared<std::mutex>();
  std::fill_n(mins.data, mins.length, kInfinity);
  std::fill_n(maxs.data, maxs.length, -kInfinity);
  return execute_axis(
      info, 4, axis,
      [=, &k](const AxisPart& part) {
        const float* const from = x.data + part.at;
        float* const part_mins = mins.data + part.channel;
        float* const part_maxs = maxs.data + part.channel;
        const size_t channels = part.axis.channels;
        // Nobody else has channels of which all elements are in this part.
        if (part.axis.total == axis.total || channels < axis.channels)
          return fold_part(k, from, part, part_mins, part_maxs);
        std::vector<float> low(channels, kInfinity);
        std::vector<float> high(channels, -kInfinity);
        fold_part(k, from, part, low.data(), high.data());
        const std::lock_guard lock(*mutex);
        std::vector<float> unused(channels);
        k.min_max_lanes_f32(low.data(), 1, channels, channels, part_mins, unused.data());
        k.min_max_lanes_f32(high.data(), 1, channels, channels, unused.data(), part_maxs);
      },
      [=] {
        std::transform(mins.data, mins.data + mins.length, mins.data, settled);
        std::transform(maxs.data, maxs.data + maxs.length, maxs.data, settled);
      });
}

Napi::Value binding::summarize(const Napi::CallbackInfo& info) {
  const Kernels& k = kernels(info);
  switch (any_array_arg(info, 0).type) {
    case napi_int8_array:
      return summarize_as<int8_t>(info, k.summarize_s8);
    case napi_uint8_array:
      return summarize_as<uint8_t>(info, k.summarize_u8);
    case napi_int16_array:
      return summarize_as<int16_t>(info, k.summarize_s16);
    case napi_uint16_array:
      return summarize_as<uint16_t>(info, k.summarize_u16);
    case napi_int32_array:
      return summarize_as<int32_t>(info, k.summarize_s32);
    case napi_uint32_array:
      return summarize_as<uint32_t>(info, k.summarize_u32);
    case napi_bigint64_array:
      return summarize_as<int64_t>(info, k.summarize_s64);
    case napi_biguint64_array:
      return summarize_as<uint64_t>(info, k.summarize_u64);
    case napi_float32_array:
      return summarize_as<float>(info, k.summarize_f32);
    case napi_float64_array:
      return summarize_as<double>(info, k.summarize_f64);
    default:
      no_kernel(info);
  }
}

}  // namespace modelpress

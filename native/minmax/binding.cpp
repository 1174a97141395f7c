#include <vector>

#include "../bindings.h"
#include "../per_axis.h"
#include "reduce.h"

namespace modelpress {
namespace {

void fold_part(const Kernels& k, const float* x, const AxisPart& part, float* mins, float* maxs) {
  const Axis& axis = part.axis;
  if (axis.is_lanes()) {
    k.min_max_lanes_f32(x, axis.total / axis.channels, axis.channels, axis.channels, mins, maxs);
  } else if (axis.inner >= kRowMin || axis.total < 4 * axis.stride()) {
    // Lanes pay only where a tile of them is used again: in the end they are folded into their channels.
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

}  // namespace modelpress

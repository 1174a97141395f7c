#include <limits>

#include "../bindings.h"
#include "../per_axis.h"

namespace modelpress {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Adding +0 turns -0 into +0; one NaN stands for all.
float settled(float v) { return v != v ? std::numeric_limits<float>::quiet_NaN() : v + 0.0f; }

}  // namespace

void binding::min_max(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto range = array_arg<float>(info, 1);
  require(info, range.length == 2, "range is not [min, max]");
  float min = kInfinity;
  float max = -kInfinity;
  kernels(info).min_max_f32(x.data, x.length, &min, &max);
  range.data[0] = settled(min);
  range.data[1] = settled(max);
}

void binding::min_max_per_axis(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto mins = array_arg<float>(info, 1);
  const auto maxs = array_arg<float>(info, 2);
  require(info, mins.length == maxs.length, "mins and maxs differ in length");
  const Axis axis = axis_arg(info, 3, x.length, mins.length);
  const Kernels& k = kernels(info);
  std::fill_n(mins.data, mins.length, kInfinity);
  std::fill_n(maxs.data, maxs.length, -kInfinity);

  if (axis.is_lanes()) {
    k.min_max_lanes_f32(x.data, axis.total / axis.channels, axis.channels, axis.channels, mins.data,
                        maxs.data);
  } else if (axis.inner >= kRowMin || axis.total < 4 * axis.stride()) {
    // Lanes pay only where a tile of them is used again: in the end they are folded into their channels.
    for (size_t i = 0, c = 0; i < axis.total; i += axis.inner, c = c + 1 == axis.channels ? 0 : c + 1)
      k.min_max_f32(x.data + i, axis.inner, mins.data + c, maxs.data + c);
  } else {
    float lane_mins[kTile];
    float lane_maxs[kTile];
    const size_t stride = axis.stride();
    for (size_t first = 0; first < stride; first += kTile) {
      const size_t count = std::min(kTile, stride - first);
      std::fill_n(lane_mins, count, kInfinity);
      std::fill_n(lane_maxs, count, -kInfinity);
      for_each_part(axis, first, count, [&](size_t at, size_t rows, size_t n) {
        k.min_max_lanes_f32(x.data + at, rows, stride, n, lane_mins, lane_maxs);
      });
      float unused_max = -kInfinity;
      float unused_min = kInfinity;
      for_each_run(axis, first, count, [&](size_t at, size_t run, size_t channel) {
        k.min_max_f32(lane_mins + at, run, mins.data + channel, &unused_max);
        k.min_max_f32(lane_maxs + at, run, &unused_min, maxs.data + channel);
      });
    }
  }
  std::transform(mins.data, mins.data + mins.length, mins.data, settled);
  std::transform(maxs.data, maxs.data + maxs.length, maxs.data, settled);
}

}  // namespace modelpress

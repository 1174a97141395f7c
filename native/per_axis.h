// Per-channel operations on x of shape [outer, channels, inner], built from the per-tensor and the lane
// kernels. Included by bindings only: a template compiled with one instruction set's flags must never be
// linked into another's callers.
#pragma once

#include <algorithm>

#include "args.h"
#include "job.h"

namespace modelpress {

// From this many elements of one channel in a row, the per-tensor kernel runs on each; below it, every
// element of a tile gets its own parameters and the lane kernel runs across channels.
constexpr size_t kRowMin = 32;
constexpr size_t kTile = 4096;

struct Axis {
  size_t total, channels, inner;

  size_t period() const { return channels * inner; }
  // The parameters are a pattern of lanes themselves: one element per channel, and enough channels to fill
  // vectors.
  bool is_lanes() const { return inner == 1 && channels >= kRowMin; }
  // The distance after which a tile's pattern of channels repeats: whole periods, as many as fit into a tile.
  size_t stride() const { return period() * std::max<size_t>(1, kTile / period()); }
};

inline Axis axis_arg(const Napi::CallbackInfo& info, size_t index, size_t total, size_t channels) {
  const double inner = number_arg(info, index);
  require(info, inner >= 1 && inner == std::floor(inner) && inner <= 9007199254740991.0,
          "inner is not a size");
  if (total == 0) return {0, 1, 1};
  const size_t size = static_cast<size_t>(inner);
  require(info, channels >= 1 && size <= total / channels && total % (channels * size) == 0,
          "x is not a whole number of [channels, inner] slices");
  return {total, channels, size};
}

// What a thread works on: whole slices [channels, inner] of x, or of a single slice, whole channels.
struct AxisPart {
  size_t at, channel;
  Axis axis;
};

template <class Run, class Finish>
Napi::Value execute_axis(const Napi::CallbackInfo& info, size_t index, const Axis& axis, const Run& run,
                         const Finish& finish) {
  const size_t slices = axis.total / axis.period();
  if (slices == 1)
    return execute(
        info, index, {axis.channels, axis.inner * sizeof(float)},
        [=](size_t begin, size_t end) {
          const Axis part = {(end - begin) * axis.inner, end - begin, axis.inner};
          run(AxisPart{begin * axis.inner, begin, part});
        },
        finish);
  return execute(
      info, index, {slices, axis.period() * sizeof(float)},
      [=](size_t begin, size_t end) {
        const Axis part = {(end - begin) * axis.period(), axis.channels, axis.inner};
        run(AxisPart{begin * axis.period(), 0, part});
      },
      finish);
}

template <class Run>
Napi::Value execute_axis(const Napi::CallbackInfo& info, size_t index, const Axis& axis, const Run& run) {
  return execute_axis(info, index, axis, run, [] {});
}

// Calls visit(first position in the tile, run length, channel) for the tile that begins at `first` and has
// `count` elements.
template <class Visit>
void for_each_run(const Axis& axis, size_t first, size_t count, Visit visit) {
  size_t channel = first / axis.inner % axis.channels;
  size_t run = axis.inner - first % axis.inner;
  for (size_t i = 0; i < count; i += run, run = axis.inner) {
    run = std::min(run, count - i);
    visit(i, run, channel);
    channel = channel + 1 == axis.channels ? 0 : channel + 1;
  }
}

// Calls visit(position, rows, elements) for where that tile lies in x: whole rows, and the start of one that
// x ends in.
template <class Visit>
void for_each_part(const Axis& axis, size_t first, size_t count, Visit visit) {
  const size_t rows =
      (axis.total - first) / axis.stride() + ((axis.total - first) % axis.stride() >= count ? 1 : 0);
  visit(first, rows, count);
  const size_t at = first + rows * axis.stride();
  if (at < axis.total) visit(at, 1, axis.total - at);
}

// Whole groups, so that short runs are two instructions: what is too much, the next run overwrites.
constexpr size_t kGroup = 8;
template <class T>
void fill_run(T* to, size_t run, T value) {
  for (size_t i = 0; i < run; i += kGroup) std::fill_n(to + i, kGroup, value);
}

template <class In, class Out>
struct AxisMap {
  const In* x;
  Out* y;
  const float* scales;
  const int32_t* zero_points;
  void (*row)(const In*, Out*, size_t, float, int32_t);
  void (*lanes)(const In*, Out*, size_t, size_t, size_t, const float*, const int32_t*);
};

template <class In, class Out>
void map_part(const AxisMap<In, Out>& map, const AxisPart& part) {
  const In* const x = map.x + part.at;
  Out* const y = map.y + part.at;
  const float* const scales = map.scales + part.channel;
  const int32_t* const zero_points = map.zero_points + part.channel;
  const Axis& axis = part.axis;
  if (axis.inner >= kRowMin) {
    for (size_t i = 0, c = 0; i < axis.total; i += axis.inner, c = c + 1 == axis.channels ? 0 : c + 1)
      map.row(x + i, y + i, axis.inner, scales[c], zero_points[c]);
    return;
  }
  if (axis.is_lanes())
    return map.lanes(x, y, axis.total / axis.channels, axis.channels, axis.channels, scales, zero_points);

  float lane_scales[kTile + kGroup];
  int32_t lane_zero_points[kTile + kGroup];
  const size_t stride = axis.stride();
  for (size_t first = 0; first < std::min(stride, axis.total); first += kTile) {
    const size_t count = std::min({kTile, stride - first, axis.total - first});
    for_each_run(axis, first, count, [&](size_t at, size_t run, size_t channel) {
      fill_run(lane_scales + at, run, scales[channel]);
      fill_run(lane_zero_points + at, run, zero_points[channel]);
    });
    for_each_part(axis, first, count, [&](size_t at, size_t rows, size_t n) {
      map.lanes(x + at, y + at, rows, stride, n, lane_scales, lane_zero_points);
    });
  }
}

template <class In, class Out>
Napi::Value map_per_axis(const Napi::CallbackInfo& info, size_t index, const Axis& axis,
                         const AxisMap<In, Out>& map) {
  return execute_axis(info, index, axis, [=](const AxisPart& part) { map_part(map, part); });
}

}  // namespace modelpress

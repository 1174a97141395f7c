// Per-channel operations on x of shape [outer, channels, inner], built from the kernels for rows and for
// lanes. Included by bindings only: a template compiled with one instruction set's flags must never be linked
// into another's callers.
#pragma once

#include <algorithm>

#include "args.h"
#include "job.h"

namespace modelpress {

// From this many elements of one channel in a row, the kernel for rows runs on each; below it, every
// element of a tile gets its own parameters and the lane kernel runs across channels.
constexpr size_t kRowMin = 32;
constexpr size_t kTile = 4096;

struct Axis {
  size_t total, channels, inner;

  size_t period() const { return channels * inner; }
  // The parameters are a pattern of lanes themselves: one element per channel, and enough channels to fill
  // vectors.
  bool is_lanes() const { return inner == 1 && channels >= kRowMin; }
  // Kernels lose time where rows end: up to half of it in rows of a few hundred lanes.
  bool has_short_rows() const { return period() <= kTile / 2; }
  // The distance after which a tile's pattern of channels repeats: whole periods, as many as fit into a tile.
  size_t stride() const { return period() * std::max<size_t>(1, kTile / period()); }
};

inline Axis axis_arg(const Napi::CallbackInfo& info, size_t index, size_t total, size_t channels) {
  const size_t inner = size_arg(info, index);
  if (total == 0) return {0, 1, 1};
  require(info, channels >= 1 && inner <= total / channels && total % (channels * inner) == 0,
          "x is not a whole number of [channels, inner] slices");
  return {total, channels, inner};
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

}  // namespace modelpress

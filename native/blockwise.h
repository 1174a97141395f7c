// What the operations on weights in blocks share. Included by bindings only, as per_axis.h.
#pragma once

#include "args.h"
#include "bindings.h"
#include "job.h"

namespace modelpress {

// Columns that one thread takes at a time: their values lie side by side in 256 bytes of a row.
constexpr size_t kTile = 64;

inline BlockwiseLayout layout_arg(const Napi::CallbackInfo& info, size_t index, size_t values) {
  const double rows = number_arg(info, index);
  const double cols = number_arg(info, index + 1);
  const double block = number_arg(info, index + 2);
  const double bits = number_arg(info, index + 3);
  require(info, rows >= 0 && cols >= 0 && rows * cols == static_cast<double>(values),
          "w has another length than rows * cols");
  require(info, bits == 4 || bits == 8, "bits are neither 4 nor 8");
  require(info, block == 16 || block == 32 || block == 64 || block == 128 || block == 256,
          "the block is not a power of two from 16 to 256");
  // An empty matrix may have any number of rows or columns.
  if (values == 0) return {0, 0, static_cast<size_t>(block), static_cast<int>(bits), false};
  return {static_cast<size_t>(rows), static_cast<size_t>(cols), static_cast<size_t>(block),
          static_cast<int>(bits), info[index + 4].ToBoolean()};
}

inline void require_lengths(const Napi::CallbackInfo& info, const BlockwiseLayout& layout, size_t packed,
                            size_t scales, const Array<uint8_t>& zero_points) {
  const size_t blocks = (layout.rows + layout.block - 1) / layout.block;
  require(info, packed == layout.cols * blocks * (layout.block * layout.bits / 8),
          "packed has another length than its blocks");
  require(info, scales == layout.cols * blocks, "scales has another length than the blocks");
  require(info, !zero_points.data || zero_points.length == layout.cols * ((blocks * layout.bits + 7) / 8),
          "zeroPoints has another length than its blocks");
}

inline Array<uint8_t> zero_points_arg(const Napi::CallbackInfo& info, size_t index) {
  return info[index].IsUndefined() ? Array<uint8_t>{nullptr, 0} : array_arg<uint8_t>(info, index);
}

template <class Run>
Napi::Value execute_tiles(const Napi::CallbackInfo& info, const BlockwiseLayout& layout, const Run& run) {
  const size_t cols = layout.cols;
  const Units units{(cols + kTile - 1) / kTile, kTile * layout.rows * sizeof(float)};
  return execute(info, 9, units, [=](size_t begin, size_t end) {
    run(begin * kTile, end * kTile < cols ? end * kTile : cols);
  });
}

}  // namespace modelpress

#include "../blockwise.h"

namespace modelpress {

Napi::Value binding::fit_blockwise(const Napi::CallbackInfo& info) {
  const auto w = array_arg<float>(info, 0);
  const auto packed = array_arg<uint8_t>(info, 1);
  const auto scales = array_arg<float>(info, 2);
  const auto zero_points = zero_points_arg(info, 3);
  const BlockwiseLayout layout = layout_arg(info, 4, w.length);
  require_lengths(info, layout, packed.length, scales.length, zero_points);
  FitBlockwise* kernel = kernels(info).fit_blockwise;
  return execute_tiles(info, layout, [=](size_t begin, size_t end) {
    kernel(w.data, packed.data, scales.data, zero_points.data, layout, begin, end);
  });
}

}  // namespace modelpress

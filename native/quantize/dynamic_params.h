#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace modelpress {

struct DynamicParams {
  float scale;
  int32_t zero_point;
};

// As DynamicQuantizeLinear computes them, in float32 throughout. The scale is not finite where the distance
// from min to max, 0 included, is not.
inline DynamicParams dynamic_params(float min, float max) {
  const float low = std::min(min, 0.0f);
  const float high = std::max(max, 0.0f);
  const float width = high - low;
  if (!std::isfinite(width)) return {width, 0};
  const float scale = width == 0 ? 1 : width / 255;
  const float exact = 0 - low / scale;
  // 0 / 0, of a scale that became 0, compares false and is 255, as in ONNX Runtime.
  return {scale, exact < 255 ? static_cast<int32_t>(std::nearbyint(std::max(exact, 0.0f))) : 255};
}

}  // namespace modelpress

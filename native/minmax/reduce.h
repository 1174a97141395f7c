// The range of values that several threads look at, in parts that they fold together. Included by bindings
// only.
#pragma once

#include <limits>
#include <memory>
#include <mutex>

#include "../dispatch.h"

namespace modelpress {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Adding +0 turns -0 into +0; one NaN stands for all.
inline float settled(float v) { return v != v ? std::numeric_limits<float>::quiet_NaN() : v + 0.0f; }

class SharedRange {
 public:
  void fold(const Kernels& k, const float* x, size_t n) {
    float low = kInfinity;
    float high = -kInfinity;
    k.min_max_f32(x, n, &low, &high);
    const float part[] = {low, high};
    const std::lock_guard lock(mutex_);
    scalar::min_max_f32(part, 2, &min_, &max_);
  }

  float min() const { return settled(min_); }
  float max() const { return settled(max_); }

 private:
  std::mutex mutex_;
  float min_ = kInfinity;
  float max_ = -kInfinity;
};

}  // namespace modelpress

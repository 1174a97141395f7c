// The range of all values, also for what needs it on the way.
#pragma once

#include "pipeline.h"

namespace modelpress {

struct Range {
  float min, max;
};

// As MinMax of minmax/kernels.h, settled: zeros are +0, a NaN is the one that std::numeric_limits has.
Range range_of(const Session& session, const Stream& x, size_t n);

}  // namespace modelpress

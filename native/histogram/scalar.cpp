#include "kernels.h"

namespace modelpress {
namespace {

// The edge left of a bin.
inline float edge(int32_t bin, const HistogramBins& bins) {
  return static_cast<float>(static_cast<double>(bin) * bins.step + bins.min);
}

inline int32_t bin_of(float x, const HistogramBins& bins) {
  if (!(x >= bins.first && x <= bins.last)) return bins.count;
  const int32_t last_bin = bins.count - 1;
  const double count = bins.count;
  const double position = static_cast<double>(x - bins.first) / bins.span * count;
  int32_t bin = position < count ? static_cast<int32_t>(position) : last_bin;
  // The position is rounded, and so are the edges: next to an edge only comparing tells.
  if (x < edge(bin, bins)) --bin;
  if (bin != last_bin && x >= edge(bin + 1, bins)) ++bin;
  return bin;
}

}  // namespace

void scalar::histogram_f32(const float* x, size_t n, const HistogramBins& bins, uint32_t* counts,
                           size_t stride) {
  for (size_t i = 0; i < n; ++i)
    ++counts[i % kHistogramTables * stride + static_cast<size_t>(bin_of(x[i], bins))];
}

}  // namespace modelpress

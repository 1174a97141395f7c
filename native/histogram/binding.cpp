#include <algorithm>
#include <cfloat>
#include <memory>
#include <new>

#include "../bindings.h"
#include "../job.h"
#include "../shared_counts.h"

namespace modelpress {
namespace {

// Up to here the tables fit into the first-level cache, beyond it two neighbours rarely meet in one bin.
constexpr size_t kMaxSeparate = 1024;
constexpr size_t kMaxBins = size_t{1} << 24;  // float32 holds their numbers
// In bins: three roundings of the position itself, and one each of the first edge and of an edge nearby.
double error_of_position(const HistogramBins& bins) {
  constexpr double kRounding = 1.0 / (1 << 24);
  constexpr double kSmallest = 1.401298464324817e-45;  // the rounding of a subnormal does not shrink with it
  const double largest = std::max(std::fabs(bins.first), std::fabs(bins.last));
  return bins.count * (4 * kRounding + (3 * kRounding * largest + 2 * kSmallest) / bins.span);
}

HistogramBins bins_between(double min, double max, int32_t count) {
  HistogramBins bins{};
  bins.min = min;
  bins.span = max - min;
  bins.step = bins.span / count;
  bins.count = count;
  bins.first = static_cast<float>(min);
  bins.last = static_cast<float>(max);
  const double scale = 1 / bins.step;
  const double error = error_of_position(bins);
  const bool is_normal = scale >= FLT_MIN && scale <= FLT_MAX;
  bins.scale = is_normal ? static_cast<float>(scale) : 0.0f;
  bins.doubt = is_normal && error < kHistogramMaxDoubt ? static_cast<float>(error) : 1.0f;
  return bins;
}

}  // namespace

Napi::Value binding::histogram(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const double min = number_arg(info, 1);
  const double max = number_arg(info, 2);
  const auto counts = array_arg<double>(info, 3);
  const auto fits = [](double value) { return std::isfinite(static_cast<float>(value)); };
  require(info, min < max && fits(min) && fits(max) && fits(max - min), "min and max are not a range");
  require(info, counts.length >= 1 && counts.length <= kMaxBins, "too few or too many bins");
  const Kernels& k = kernels(info);
  try {
    const HistogramBins bins = bins_between(min, max, static_cast<int32_t>(counts.length));
    const bool is_separate = counts.length <= kMaxSeparate;
    const size_t copies = is_separate ? kHistogramTables : 1;
    const auto shared = std::make_shared<SharedCounts>(counts.length, copies, counts.length + 1, counts.data);
    return execute(
        info, 4, {x.length, sizeof(float)},
        [=, &k](size_t begin, size_t end) {
          shared->count(end - begin, [&](size_t from, size_t to, uint32_t* table) {
            k.histogram_f32(x.data + begin + from, to - from, bins, table,
                            is_separate ? counts.length + 1 : 0);
          });
        },
        [=] { shared->finish(); });
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "no memory for the counters");
  }
}

}  // namespace modelpress

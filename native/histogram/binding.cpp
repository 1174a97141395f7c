#include <algorithm>
#include <cfloat>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "../bindings.h"
#include "../job.h"

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

// What several threads count in parts of x: each takes a table that no other is using, so there are as many
// as threads were at work, and adding them up takes no more time than that.
class SharedCounts {
 public:
  SharedCounts(const HistogramBins& bins, double* counts)
      : bins_(bins), bins_count_(static_cast<size_t>(bins.count)), counts_(counts) {
    std::fill_n(counts_, bins_count_, 0.0);
  }

  void count(const Kernels& k, const float* x, size_t n) {
    Table table = take();
    // In parts, so that no counter of 32 bits overflows.
    for (size_t part; n > 0; x += part, n -= part) {
      part = std::min(n, kMaxPart);
      if (table.seen > UINT32_MAX - part) add(table);
      k.histogram_f32(x, part, bins_, table.counters.data(), stride());
      table.seen += part;
    }
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(table));
  }

  void finish() {
    for (Table& table : idle_) add(table);
  }

 private:
  static constexpr size_t kMaxPart = size_t{1} << 31;

  struct Table {
    std::vector<uint32_t> counters;
    size_t seen = 0;
  };

  size_t stride() const { return bins_count_ <= kMaxSeparate ? bins_count_ + 1 : 0; }
  size_t tables() const { return stride() == 0 ? 1 : kHistogramTables; }

  Table take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Table table = std::move(idle_.back());
        idle_.pop_back();
        return table;
      }
    }
    return {std::vector<uint32_t>(tables() * (bins_count_ + 1))};
  }

  void add(Table& table) {
    const std::lock_guard lock(mutex_);
    for (size_t k = 0; k < tables(); ++k)
      for (size_t i = 0; i < bins_count_; ++i) counts_[i] += table.counters[k * stride() + i];
    std::fill(table.counters.begin(), table.counters.end(), 0);
    table.seen = 0;
  }

  const HistogramBins bins_;
  const size_t bins_count_;
  double* const counts_;
  std::mutex mutex_;
  std::vector<Table> idle_;
};

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
    const auto shared = std::make_shared<SharedCounts>(
        bins_between(min, max, static_cast<int32_t>(counts.length)), counts.data);
    return execute(
        info, 4, {x.length, sizeof(float)},
        [=, &k](size_t begin, size_t end) { shared->count(k, x.data + begin, end - begin); },
        [=] { shared->finish(); });
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "no memory for the counters");
  }
}

}  // namespace modelpress

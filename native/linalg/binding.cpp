#include <limits>
#include <memory>
#include <vector>

#include "../bindings.h"
#include "../job.h"

namespace modelpress {
namespace {

// Rows of a triangle in one unit: as many as the kernels take at once.
constexpr size_t kTriangleUnit = 4;
// Rows of a fit that may share a factor.
constexpr size_t kFitUnit = 16;
// Rows that are finished before the others follow: their part of the matrix stays in the cache.
constexpr size_t kPanel = 128;
// Rows of a panel that are finished one by one before its others follow.
constexpr size_t kPanelStep = 8;

size_t side_arg(const Napi::CallbackInfo& info, size_t index, const Array<double>& matrix) {
  constexpr double kMax = 94906265;  // its square is exact
  const double side = number_arg(info, index);
  require(info, side >= 1 && side <= kMax && side == std::floor(side), "the side is not a size");
  const size_t n = static_cast<size_t>(side);
  require(info, matrix.length == n * n, "the matrix is not square");
  return n;
}

using Columns = std::shared_ptr<const std::vector<int32_t>>;

// The order in which the columns of m are worked on; a copy, because the array may change while another
// thread works.
Columns columns_arg(const Napi::CallbackInfo& info, size_t index, const Array<double>& m) {
  const auto order = array_arg<int32_t>(info, index);
  const size_t n = order.length;
  require(info, n >= 1 && m.length == n * n, "m is not as wide as order is long");
  auto columns = std::make_shared<const std::vector<int32_t>>(order.data, order.data + n);
  for (const int32_t column : *columns)
    require(info, column >= 0 && static_cast<size_t>(column) < n, "order names no column");
  return columns;
}

void settle_nans(double* begin, double* end) {
  for (; begin < end; ++begin)
    if (std::isnan(*begin)) *begin = std::numeric_limits<double>::quiet_NaN();
}

// How many columns the rows [begin, end) keep at most.
size_t most_kept(const uint8_t* kept, size_t n, size_t begin, size_t end) {
  size_t most = 0;
  for (size_t o = begin; o < end; ++o)
    most = std::max(most, n - static_cast<size_t>(std::count(kept + o * n, kept + (o + 1) * n, uint8_t{0})));
  return most;
}

void factor_panel(const Kernels& k, double* a, size_t n, size_t first, size_t last) {
  while (last > first) {
    const size_t begin = last - std::min(kPanelStep, last - first);
    k.factor_rows_f64(a, n, begin, last);
    k.subtract_rows_f64(a, n, begin, last, first, begin);
    last = begin;
  }
}

}  // namespace

Napi::Value binding::accumulate_gram(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto gram = array_arg<double>(info, 1);
  const size_t n = side_arg(info, 2, gram);
  require(info, x.length % n == 0, "x does not hold whole rows");
  const size_t rows = x.length / n;
  const Kernels& k = kernels(info);
  const Units units{rows == 0 ? 0 : (n + kTriangleUnit - 1) / kTriangleUnit,
                    kTriangleUnit * x.length * sizeof(float)};
  return execute(info, 3, units, [=, &k](size_t first, size_t last) {
    const size_t begin = first * kTriangleUnit;
    const size_t end = std::min(n, last * kTriangleUnit);
    k.accumulate_gram_f32(x.data, rows, n, begin, end, gram.data);
    for (size_t i = begin; i < end; ++i) settle_nans(gram.data + i * n + i, gram.data + (i + 1) * n);
  });
}

Napi::Value binding::accumulate_products(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto y = array_arg<float>(info, 1);
  const auto products = array_arg<double>(info, 2);
  const size_t n = size_arg(info, 3);
  require(info, n <= products.length && products.length % n == 0, "products do not hold whole rows");
  const size_t outputs = products.length / n;
  const size_t rows = x.length / n;
  require(info, x.length % n == 0 && y.length % outputs == 0 && y.length / outputs == rows,
          "x and y do not hold the same number of whole rows");
  const Kernels& k = kernels(info);
  const Units units{rows == 0 ? 0 : (outputs + kTriangleUnit - 1) / kTriangleUnit,
                    kTriangleUnit * x.length * sizeof(float)};
  return execute(info, 4, units, [=, &k](size_t first, size_t last) {
    const size_t begin = first * kTriangleUnit;
    const size_t end = std::min(outputs, last * kTriangleUnit);
    k.accumulate_products_f32(x.data, y.data, rows, n, outputs, begin, end, products.data);
    settle_nans(products.data + begin * n, products.data + end * n);
  });
}

Napi::Value binding::reversed_cholesky(const Napi::CallbackInfo& info) {
  const auto a = array_arg<double>(info, 0);
  const size_t n = side_arg(info, 1, a);
  const Kernels& k = kernels(info);
  return execute_steps(info, 2, [=, &k](const Steps& steps) {
    for (size_t last = n; last > 0 && !steps.cancelled();) {
      const size_t first = last > kPanel ? last - kPanel : 0;
      factor_panel(k, a.data, n, first, last);
      const Units units{(first + kTriangleUnit - 1) / kTriangleUnit,
                        kTriangleUnit * first * kPanel * sizeof(double)};
      steps(units, [=, &k](size_t begin, size_t end) {
        k.subtract_rows_f64(a.data, n, first, last, begin * kTriangleUnit,
                            std::min(first, end * kTriangleUnit));
      });
      last = first;
    }
  });
}

Napi::Value binding::compensate_rounding(const Napi::CallbackInfo& info) {
  const auto w = array_arg<float>(info, 0);
  const auto steps = array_arg<uint8_t>(info, 1);
  const auto m = array_arg<double>(info, 2);
  const auto columns = columns_arg(info, 3, m);
  const auto scales = array_arg<float>(info, 4);
  const auto zero_points = array_arg<int32_t>(info, 5);
  const double block = number_arg(info, 6);
  const size_t n = columns->size();
  require(info, w.length % n == 0, "w does not hold whole rows");
  require(info, steps.length == w.length, "w and steps differ in length");
  require(info, block >= 1 && block <= static_cast<double>(n) && block == std::floor(block),
          "the block is not a number of columns");
  const double lo = number_arg(info, 7);
  const double hi = number_arg(info, 8);
  require(info, lo <= hi && lo >= -128 && hi <= 255, "min and max are not steps");
  RoundingGrid grid{scales.data, zero_points.data,         static_cast<size_t>(block),
                    0,           static_cast<int32_t>(lo), static_cast<int32_t>(hi)};
  grid.blocks = (n + grid.block - 1) / grid.block;
  const size_t outputs = w.length / n;
  require(info, scales.length == outputs * grid.blocks && zero_points.length == scales.length,
          "scales or zeroPoints do not fit w");
  const Kernels& k = kernels(info);
  const Units units{(outputs + kRoundingLanes - 1) / kRoundingLanes, kRoundingLanes * n * n * sizeof(float)};
  return execute(info, 9, units, [=, &k](size_t first, size_t last) {
    const std::unique_ptr<double[]> errors(new double[n * kRoundingLanes]);
    k.compensate_rounding_f32(w.data, n, m.data, columns->data(), grid, first * kRoundingLanes,
                              std::min(outputs, last * kRoundingLanes), steps.data, errors.get());
  });
}

Napi::Value binding::fit_kept(const Napi::CallbackInfo& info) {
  const auto gram = array_arg<double>(info, 0);
  const auto products = array_arg<double>(info, 1);
  const auto kept = array_arg<uint8_t>(info, 2);
  const auto w = array_arg<float>(info, 3);
  const size_t n = side_arg(info, 4, gram);
  require(info, w.length % n == 0, "w does not hold whole rows");
  require(info, products.length == w.length && kept.length == w.length, "products or kept do not fit w");
  const size_t outputs = w.length / n;
  const Kernels& k = kernels(info);
  const Units units{(outputs + kFitUnit - 1) / kFitUnit, kFitUnit * n * n * sizeof(float)};
  return execute(info, 5, units, [=, &k](size_t first, size_t last) {
    const size_t begin = first * kFitUnit;
    const size_t end = std::min(outputs, last * kFitUnit);
    const size_t most = most_kept(kept.data, n, begin, end);
    const std::unique_ptr<double[]> scratch(new double[most * (most + 1)]);
    k.fit_kept_f64(gram.data, products.data, kept.data, n, begin, end, w.data, scratch.get());
  });
}

Napi::Value binding::compensate_pruning(const Napi::CallbackInfo& info) {
  const auto w = array_arg<float>(info, 0);
  const auto kept = array_arg<uint8_t>(info, 1);
  const auto pruned = array_arg<float>(info, 2);
  const auto costs = array_arg<float>(info, 3);
  const auto m = array_arg<double>(info, 4);
  const auto columns = columns_arg(info, 5, m);
  const double threshold = number_arg(info, 6);
  const size_t keep = size_arg(info, 7);
  const size_t of = size_arg(info, 8);
  const size_t n = columns->size();
  require(info, w.length % n == 0, "w does not hold whole rows");
  require(info, kept.length == w.length && pruned.length == w.length && costs.length == w.length,
          "w and the results differ in length");
  require(info, of <= kMaxGroup && n % of == 0, "columns do not fall into groups");
  const PruningRule rule{static_cast<float>(threshold), keep, of};
  const size_t outputs = w.length / n;
  const Kernels& k = kernels(info);
  const Units units{(outputs + kRoundingLanes - 1) / kRoundingLanes, kRoundingLanes * n * n * sizeof(float)};
  return execute(info, 9, units, [=, &k](size_t first, size_t last) {
    const std::unique_ptr<double[]> errors(new double[n * kRoundingLanes]);
    k.compensate_pruning_f32(w.data, n, m.data, columns->data(), rule, first * kRoundingLanes,
                             std::min(outputs, last * kRoundingLanes), kept.data, pruned.data, costs.data,
                             errors.get());
  });
}

}  // namespace modelpress

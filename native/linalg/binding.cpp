#include <limits>
#include <memory>
#include <vector>

#include "../bindings.h"
#include "../job.h"

namespace modelpress {
namespace {

// Rows of a triangle in one unit: as many as the kernels take at once.
constexpr size_t kTriangleUnit = 4;
// Rows that are finished before the others follow: their part of the matrix stays in the cache.
constexpr size_t kPanel = 64;

size_t side_arg(const Napi::CallbackInfo& info, size_t index, const Array<double>& matrix) {
  constexpr double kMax = 94906265;  // its square is exact
  const double side = number_arg(info, index);
  require(info, side >= 1 && side <= kMax && side == std::floor(side), "the side is not a size");
  const size_t n = static_cast<size_t>(side);
  require(info, matrix.length == n * n, "the matrix is not square");
  return n;
}

void settle_nans(size_t n, size_t begin, size_t end, double* g) {
  for (size_t i = begin; i < end; ++i)
    for (size_t j = i; j < n; ++j)
      if (std::isnan(g[i * n + j])) g[i * n + j] = std::numeric_limits<double>::quiet_NaN();
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
    settle_nans(n, begin, end, gram.data);
  });
}

Napi::Value binding::reversed_cholesky(const Napi::CallbackInfo& info) {
  const auto a = array_arg<double>(info, 0);
  const size_t n = side_arg(info, 1, a);
  const Kernels& k = kernels(info);
  return execute_steps(info, 2, [=, &k](const Steps& steps) {
    for (size_t last = n; last > 0 && !steps.cancelled();) {
      const size_t first = last > kPanel ? last - kPanel : 0;
      k.factor_rows_f64(a.data, n, first, last);
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
  const auto order = array_arg<int32_t>(info, 3);
  const auto scales = array_arg<float>(info, 4);
  const auto zero_points = array_arg<int32_t>(info, 5);
  const double block = number_arg(info, 6);
  const size_t n = order.length;
  require(info, n >= 1 && m.length == n * n, "m is not as wide as order is long");
  require(info, w.length % n == 0, "w does not hold whole rows");
  require(info, steps.length == w.length, "w and steps differ in length");
  require(info, block >= 1 && block <= static_cast<double>(n) && block == std::floor(block),
          "the block is not a number of columns");
  // A copy, because the array may change while another thread works.
  const auto columns = std::make_shared<const std::vector<int32_t>>(order.data, order.data + n);
  for (const int32_t column : *columns)
    require(info, column >= 0 && static_cast<size_t>(column) < n, "order names no column");
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

}  // namespace modelpress

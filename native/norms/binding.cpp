#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "../bindings.h"
#include "../per_axis.h"

namespace modelpress {
namespace {

// Longer runs of a channel are summed in pieces, so that threads can share them.
constexpr size_t kPiece = size_t{1} << 16;

double settled(double v) { return v != v ? std::numeric_limits<double>::quiet_NaN() : v; }

}  // namespace

Napi::Value binding::channel_norms(const Napi::CallbackInfo& info) {
  const auto x = array_arg<float>(info, 0);
  const auto norms = array_arg<double>(info, 1);
  const Axis axis = axis_arg(info, 2, x.length, norms.length);
  const double order = number_arg(info, 3);
  require(info, order == 1 || order == 2, "order is not 1 or 2");
  const bool squares = order == 2;
  const Kernels& k = kernels(info);
  NormSums* const sums_of = squares ? k.square_sums_f32 : k.magnitude_sums_f32;
  std::fill_n(norms.data, norms.length, 0.0);
  const size_t outer = axis.total / axis.period();
  const auto finish = [=] {
    for (size_t i = 0; i < norms.length; ++i)
      norms.data[i] = settled(squares ? std::sqrt(norms.data[i]) : norms.data[i]);
  };
  if (axis.inner <= kPiece)
    return execute(
        info, 4, {axis.total == 0 ? 0 : axis.channels, outer * axis.inner * sizeof(float)},
        [=](size_t begin, size_t end) {
          sums_of(x.data + begin * axis.inner, outer, axis.period(), end - begin, axis.inner,
                  norms.data + begin);
        },
        finish);
  const size_t pieces = (axis.inner + kPiece - 1) / kPiece;
  const auto sums = std::make_shared<std::vector<double>>(outer * axis.channels * pieces);
  return execute(
      info, 4, {sums->size(), axis.inner / pieces * sizeof(float)},
      [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          const size_t at = i % pieces * kPiece;
          const size_t n = std::min(kPiece, axis.inner - at);
          sums_of(x.data + i / pieces * axis.inner + at, 1, 0, 1, n, sums->data() + i);
        }
      },
      [=] {
        for (size_t i = 0; i < sums->size(); ++i) norms.data[i / pieces % axis.channels] += (*sums)[i];
        finish();
      });
}

}  // namespace modelpress

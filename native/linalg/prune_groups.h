// Pruning with compensation for `lanes` outputs side by side: see CompensatePruning. The instruction sets
// differ in how shifts are summed, which is nearly all of the work.
#pragma once

#include <cmath>
#include <limits>

#include "../prune/kernels.h"
#include "kernels.h"

namespace modelpress {
namespace {

inline float quiet(float value) {
  return std::isnan(value) ? std::numeric_limits<float>::quiet_NaN() : value;
}

// Whether the weight at j goes after that at i.
inline bool outlasts(const float* costs, const uint8_t* kept, int32_t j, int32_t i, bool is_later) {
  if (kept[j] == 0 || kept[i] == 0) return kept[j] != 0;
  return is_later ? !(costs[j] < costs[i]) : costs[j] > costs[i];
}

// More zeros in the kept of one output, by the costs of a group of columns.
inline void choose(const float* costs, const int32_t* columns, const PruningRule& rule, uint8_t* kept) {
  bool goes[kMaxGroup];
  for (size_t i = 0; i < rule.of; ++i) {
    size_t more = 0;
    for (size_t j = 0; j < rule.of; ++j)
      if (j != i) more += outlasts(costs, kept, columns[j], columns[i], j > i);
    goes[i] = more >= rule.keep || costs[columns[i]] <= rule.threshold;
  }
  for (size_t i = 0; i < rule.of; ++i)
    if (goes[i]) kept[columns[i]] = 0;
}

// sum_shifts(row, count, errors, shifts): for each lane the sum of row[j] * errors[j] for j < count, from 0.
template <size_t lanes, class SumShifts>
void prune_lanes(const SumShifts& sum_shifts, const float* w, size_t n, const double* m, const int32_t* order,
                 const PruningRule& rule, size_t begin, size_t end, uint8_t* kept, float* pruned,
                 float* costs, double* errors) {
  for (size_t output = begin; output + lanes <= end; output += lanes)
    for (size_t group = 0; group < n; group += rule.of) {
      for (size_t i = group; i < group + rule.of; ++i) {
        double* error = errors + i * lanes;
        sum_shifts(m + i * n, i, errors, error);
        const double diagonal = m[i * n + i];
        for (size_t lane = 0; lane < lanes; ++lane) {
          const size_t at = (output + lane) * n + static_cast<size_t>(order[i]);
          const double value = w[at] + error[lane] / diagonal;
          const float size = static_cast<float>(value * diagonal);
          costs[at] = quiet(size * size);
          pruned[at] = quiet(static_cast<float>(value));
          error[lane] = w[at] - value;
        }
      }
      for (size_t lane = 0; lane < lanes; ++lane)
        choose(costs + (output + lane) * n, order + group, rule, kept + (output + lane) * n);
      for (size_t i = group; i < group + rule.of; ++i) {
        double* error = errors + i * lanes;
        // Nothing in the group stands before its first column.
        if (i > group) sum_shifts(m + i * n, i, errors, error);
        for (size_t lane = 0; lane < lanes; ++lane) {
          const size_t at = (output + lane) * n + static_cast<size_t>(order[i]);
          if (i > group) {
            const double value = w[at] + error[lane] / m[i * n + i];
            pruned[at] = quiet(static_cast<float>(value));
            error[lane] = w[at] - value;
          }
          if (kept[at] != 0) continue;
          pruned[at] = 0;
          error[lane] = w[at];
        }
      }
    }
}

}  // namespace
}  // namespace modelpress

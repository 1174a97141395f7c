// The value of a rank among many that are in no order. Included by bindings only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace modelpress {

// Values from lo to hi, none of them negative.
struct Bracket {
  int32_t lo, hi;
};

// Bins of equal width that a bracket is cut into.
class Bins {
 public:
  explicit Bins(Bracket bracket) : lo_(bracket.lo) {
    while (((bracket.hi - bracket.lo) >> shift_) >= static_cast<int32_t>(kCount)) ++shift_;
  }

  static constexpr size_t kCount = size_t{1} << 12;

  size_t of(int32_t value) const { return static_cast<size_t>((value - lo_) >> shift_); }
  int32_t first_of(size_t bin) const { return lo_ + static_cast<int32_t>(bin << shift_); }
  int32_t width() const { return static_cast<int32_t>(int64_t{1} << shift_); }

 private:
  int32_t lo_;
  int shift_ = 0;
};

struct RankedValue {
  int32_t value;
  size_t below;   // how many are less
  size_t equals;  // and how many are this one
};

// std::nth_element moves all values several times; here just those of one bin are moved.
class RankedValues {
 public:
  RankedValues(const std::vector<int32_t>& values, Bracket bracket)
      : values_(values), bins_(bracket), counts_(Bins::kCount) {
    for (const int32_t value : values) ++counts_[bins_.of(value)];
  }

  // rank from 0.
  RankedValue at(size_t rank) const {
    size_t bin = 0;
    size_t below = 0;
    for (; below + counts_[bin] <= rank; ++bin) below += counts_[bin];
    std::vector<int32_t> members;
    members.reserve(counts_[bin]);
    for (const int32_t value : values_)
      if (bins_.of(value) == bin) members.push_back(value);
    const auto place = members.begin() + static_cast<std::ptrdiff_t>(rank - below);
    std::nth_element(members.begin(), place, members.end());
    const int32_t found = *place;
    const auto less = std::count_if(members.begin(), place, [=](int32_t value) { return value < found; });
    const auto equals = std::count(members.begin(), members.end(), found);
    return {found, below + static_cast<size_t>(less), static_cast<size_t>(equals)};
  }

 private:
  const std::vector<int32_t>& values_;
  Bins bins_;
  std::vector<size_t> counts_;
};

}  // namespace modelpress

// The k-th smallest magnitude of several arrays together, without sorting or copying them: a sample tells
// between which two it lies, and one pass over all counts what lies below and collects what lies between
// (Floyd and Rivest, Communications of the ACM 18, 1975). Where the sample was wrong, or much too much lies
// between, passes that count in bins narrow it down, so that it is always exact.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "../args.h"
#include "../job.h"
#include "ranked_values.h"

namespace modelpress {

// Magnitudes are compared as the bits of float32 without the sign, so that every NaN is above infinity.
constexpr int32_t kLargestMagnitude = 0x7fffffff;

inline int32_t magnitude_of(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits & kLargestMagnitude;
}

struct KthMagnitude {
  int32_t magnitude;
  size_t below;   // how many magnitudes are less
  size_t equals;  // and how many are this one
};

// Arrays, one after the other, as one.
class Arrays {
 public:
  explicit Arrays(std::vector<Array<float>> arrays) : arrays_(std::move(arrays)) {
    starts_.push_back(0);
    for (const Array<float>& array : arrays_) starts_.push_back(starts_.back() + array.length);
  }

  size_t size() const { return starts_.back(); }

  // Calls visit(array, begin, end) for the parts of arrays that elements [begin, end) of all lie in.
  template <class Visit>
  void for_each_part(size_t begin, size_t end, const Visit& visit) const {
    size_t array = array_of(begin);
    for (size_t at = begin; at < end; ++array) {
      const size_t part_end = std::min(end, starts_[array + 1]);
      if (part_end > at) visit(array, at - starts_[array], part_end - starts_[array]);
      at = std::max(at, part_end);
    }
  }

  float* data(size_t array) const { return arrays_[array].data; }
  size_t start_of(size_t array) const { return starts_[array]; }
  size_t end_of(size_t array) const { return starts_[array + 1]; }

  bool has_lengths_of(const Arrays& others) const { return starts_ == others.starts_; }

 private:
  // The last array that begins at i or before it.
  size_t array_of(size_t i) const {
    return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end() - 1, i) - starts_.begin()) - 1;
  }

  std::vector<Array<float>> arrays_;
  std::vector<size_t> starts_;
};

class MagnitudeSearch {
 public:
  MagnitudeSearch(const Kernels& kernels, const Arrays& arrays, const Steps& steps)
      : kernels_(kernels), arrays_(arrays), steps_(steps) {}

  // k from 1 to the number of elements. Of use only if the call was not cancelled.
  KthMagnitude find(size_t k) {
    const Guess guess = guess_of(k);
    Bracket bracket = guess.bracket;
    if (guess.is_frequent) bracket = {guess.value, guess.value};
    for (bool first = true; !steps_.cancelled(); first = false) {
      const Counts counts = collect(bracket);
      const bool is_below = k <= counts.below;
      const bool is_above = k > counts.below + counts.inside;
      if (!is_below && !is_above) {
        if (bracket.lo == bracket.hi) return {bracket.lo, counts.below, counts.inside};
        if (counts.inside <= kMaxFound) return select(k - counts.below, counts.below, bracket);
      }
      if (first && guess.is_frequent) {
        // It lies on one side of the value that is so frequent.
        bracket = guess.bracket;
        (is_below ? bracket.hi : bracket.lo) = guess.value + (is_below ? -1 : 1);
        if (bracket.lo <= bracket.hi) continue;
      }
      if (is_below) bracket = {0, bracket.lo - 1};
      if (is_above) bracket = {bracket.hi + 1, kLargestMagnitude};
      bracket = narrowed(k, bracket);
    }
    return {0, 0, 0};
  }

 private:
  struct Guess {
    Bracket bracket;
    // Where one value is very frequent, as 0 is in what was pruned before: too much would lie in the bracket.
    int32_t value;
    bool is_frequent;
  };
  using Counts = MagnitudeCounts;

  static constexpr size_t kMinSample = size_t{1} << 12;
  static constexpr size_t kMaxSample = size_t{1} << 18;
  static constexpr size_t kNeighbours = 8;    // of a sample, which come with one line of the cache or two
  static constexpr double kDeviations = 3.5;  // wider, more is found; narrower, the bracket misses more often
  static constexpr size_t kMaxFound = size_t{1} << 22;
  static constexpr size_t kPart = size_t{1}
                                  << 18;  // long enough for a kernel to search several places in turn

  std::vector<int32_t> sample(size_t count) const {
    const size_t n = arrays_.size();
    std::vector<int32_t> values(count);
    const double stride = static_cast<double>(n) / static_cast<double>(count / kNeighbours);
    uint64_t random = 1;
    size_t array = 0;
    for (size_t i = 0; i < count; i += kNeighbours) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const double offset =
          static_cast<double>(random >> 11) * 0x1p-53;  // no pattern in x keeps in step with it
      const double at = (static_cast<double>(i / kNeighbours) + offset) * stride;
      const size_t first = std::min(n - kNeighbours, static_cast<size_t>(at));
      while (first >= arrays_.end_of(array)) ++array;
      if (first + kNeighbours <= arrays_.end_of(array)) {
        const float* const from = arrays_.data(array) + (first - arrays_.start_of(array));
        for (size_t k = 0; k < kNeighbours; ++k) values[i + k] = magnitude_of(from[k]);
        continue;
      }
      size_t k = i;
      arrays_.for_each_part(first, first + kNeighbours, [&](size_t part, size_t from, size_t to) {
        for (; from < to; ++from) values[k++] = magnitude_of(arrays_.data(part)[from]);
      });
    }
    return values;
  }

  // Between two of a sample, some standard deviations off on either side.
  Guess guess_of(size_t k) const {
    const size_t n = arrays_.size();
    Guess guess = {{0, kLargestMagnitude}, 0, false};
    if (n <= kMinSample) return guess;
    const size_t count = std::min(std::max(n / 64, kMinSample), kMaxSample) / kNeighbours * kNeighbours;
    const std::vector<int32_t> values = sample(count);
    const RankedValues ranked(values, guess.bracket);
    const double share = (static_cast<double>(k) - 0.5) / static_cast<double>(n);
    const double rank = share * static_cast<double>(count);
    const double margin = kDeviations * std::sqrt(rank * (1 - share)) + 8;
    const auto value_at = [&](double place) {
      const RankedValue found = ranked.at(static_cast<size_t>(place));
      if (static_cast<double>(found.equals) > 2 * margin) {
        guess.value = found.value;
        guess.is_frequent = true;
      }
      return found.value;
    };
    if (rank - margin >= 0) guess.bracket.lo = value_at(rank - margin);
    value_at(rank);
    if (rank + margin < static_cast<double>(count)) guess.bracket.hi = value_at(rank + margin);
    return guess;
  }

  // Counts all, and keeps what lies inside as long as it is not too much.
  Counts collect(Bracket bracket) {
    found_.clear();
    const bool keeps = bracket.lo < bracket.hi;
    Counts all{};
    std::mutex mutex;
    steps_(units(), [&](size_t begin, size_t end) {
      std::vector<int32_t> part(keeps ? std::min(kPart, end - begin) + kFoundSlack : 0);
      arrays_.for_each_part(begin, end, [&](size_t array, size_t from, size_t to) {
        for (size_t size; from < to && !steps_.cancelled(); from += size) {
          size = std::min(kPart, to - from);
          Counts counts{};
          kernels_.collect_magnitudes_f32(arrays_.data(array) + from, size, bracket.lo, bracket.hi, counts,
                                          keeps ? part.data() : nullptr);
          if (counts.below == 0 && counts.inside == 0) continue;
          const std::lock_guard lock(mutex);
          all.below += counts.below;
          all.inside += counts.inside;
          if (keeps && all.inside <= kMaxFound)
            found_.insert(found_.end(), part.begin(),
                          part.begin() + static_cast<std::ptrdiff_t>(counts.inside));
        }
      });
    });
    return all;
  }

  KthMagnitude select(size_t rank, size_t below, Bracket bracket) const {
    const RankedValue found = RankedValues(found_, bracket).at(rank - 1);
    return {found.value, below + found.below, found.equals};
  }

  // The bin of equal width that the k-th magnitude lies in, of those between lo and hi.
  Bracket narrowed(size_t k, Bracket bracket) const {
    const Bins bins(bracket);
    std::vector<size_t> all(Bins::kCount + 1);  // the first one holds what lies below
    std::mutex mutex;
    steps_(units(), [&](size_t begin, size_t end) {
      std::vector<size_t> counts(all.size());
      arrays_.for_each_part(begin, end, [&](size_t array, size_t from, size_t to) {
        for (size_t i = from; i < to; ++i) {
          const int32_t magnitude = magnitude_of(arrays_.data(array)[i]);
          if (magnitude < bracket.lo)
            ++counts[0];
          else if (magnitude <= bracket.hi)
            ++counts[bins.of(magnitude) + 1];
        }
      });
      const std::lock_guard lock(mutex);
      for (size_t i = 0; i < all.size(); ++i) all[i] += counts[i];
    });
    size_t below = all[0];
    size_t bin = 0;
    while (bin + 1 < Bins::kCount && below + all[bin + 1] < k) below += all[++bin];
    const int32_t lo = bins.first_of(bin);
    return {lo, bins.width() - 1 < bracket.hi - lo ? lo + bins.width() - 1 : bracket.hi};
  }

  Units units() const { return {arrays_.size(), sizeof(float)}; }

  const Kernels& kernels_;
  const Arrays& arrays_;
  const Steps& steps_;
  std::vector<int32_t> found_;
};

}  // namespace modelpress

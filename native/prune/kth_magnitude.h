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
  struct Bracket {
    int32_t lo, hi;
  };
  struct Guess {
    Bracket bracket;
    // Where one value is very frequent, as 0 is in what was pruned before: too much would lie in the bracket.
    int32_t value;
    bool is_frequent;
  };
  using Counts = MagnitudeCounts;

  static constexpr size_t kMinSample = size_t{1} << 14;
  static constexpr size_t kMaxSample = size_t{1} << 18;
  static constexpr size_t kNeighbours = 4;  // of a sample, which come with one line of the cache
  static constexpr size_t kMaxFound = size_t{1} << 22;
  static constexpr size_t kPart = size_t{1}
                                  << 14;  // what is found in as many elements, fits a thread's cache
  static constexpr int kBinBits = 12;

  std::vector<int32_t> sample(size_t count) const {
    const size_t n = arrays_.size();
    std::vector<int32_t> values(count);
    const double stride = static_cast<double>(n) / static_cast<double>(count / kNeighbours);
    uint64_t random = 1;
    for (size_t i = 0; i < count; i += kNeighbours) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const double offset =
          static_cast<double>(random >> 11) * 0x1p-53;  // no pattern in x keeps in step with it
      const double at = (static_cast<double>(i / kNeighbours) + offset) * stride;
      const size_t first = std::min(n - kNeighbours, static_cast<size_t>(at));
      size_t k = i;
      arrays_.for_each_part(first, first + kNeighbours, [&](size_t array, size_t from, size_t to) {
        for (; from < to; ++from) values[k++] = magnitude_of(arrays_.data(array)[from]);
      });
    }
    return values;
  }

  // Between two of a sample, four standard deviations off on either side.
  Guess guess_of(size_t k) const {
    const size_t n = arrays_.size();
    if (n <= kMinSample) return {{0, kLargestMagnitude}, 0, false};
    const size_t count = std::min(std::max(n / 64, kMinSample), kMaxSample) / kNeighbours * kNeighbours;
    std::vector<int32_t> values = sample(count);
    const double share = (static_cast<double>(k) - 0.5) / static_cast<double>(n);
    const double rank = share * static_cast<double>(count);
    const double margin = 4 * std::sqrt(rank * (1 - share)) + 8;
    Guess guess = {{0, kLargestMagnitude}, 0, false};
    auto begin = values.begin();
    const auto nth = [&](double at) {
      const auto place = values.begin() + static_cast<std::ptrdiff_t>(at);
      std::nth_element(begin, place, values.end());
      begin = place;
      return *place;
    };
    if (rank - margin >= 0) guess.bracket.lo = nth(rank - margin);
    const int32_t middle = nth(rank);
    if (rank + margin < static_cast<double>(count)) guess.bracket.hi = nth(rank + margin);
    for (const int32_t value : {guess.bracket.lo, middle, guess.bracket.hi}) {
      const auto equals = std::count(values.begin(), values.end(), value);
      if (static_cast<double>(equals) <= 2 * margin) continue;
      guess.value = value;
      guess.is_frequent = true;
    }
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

  KthMagnitude select(size_t rank, size_t below, Bracket bracket) {
    // Bins of equal width first: nth_element moves all of them several times.
    const int shift = shift_of(bracket);
    std::vector<size_t> bins(size_t{1} << kBinBits);
    const auto bin_of = [&](int32_t value) { return static_cast<size_t>((value - bracket.lo) >> shift); };
    for (const int32_t value : found_) ++bins[bin_of(value)];
    size_t bin = 0;
    for (; bins[bin] < rank; ++bin) {
      rank -= bins[bin];
      below += bins[bin];
    }
    std::vector<int32_t> values;
    values.reserve(bins[bin]);
    for (const int32_t value : found_)
      if (bin_of(value) == bin) values.push_back(value);
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(values.begin(), place, values.end());
    const int32_t magnitude = *place;
    const auto less = std::count_if(values.begin(), values.end(), [=](int32_t v) { return v < magnitude; });
    const auto equals = std::count(values.begin(), values.end(), magnitude);
    return {magnitude, below + static_cast<size_t>(less), static_cast<size_t>(equals)};
  }

  static int shift_of(Bracket bracket) {
    int shift = 0;
    while (((bracket.hi - bracket.lo) >> shift) >= (1 << kBinBits)) ++shift;
    return shift;
  }

  // The bin of equal width that the k-th magnitude lies in, of those between lo and hi.
  Bracket narrowed(size_t k, Bracket bracket) const {
    const int shift = shift_of(bracket);
    std::vector<size_t> bins((1 << kBinBits) + 1);  // the first one holds what lies below
    std::mutex mutex;
    steps_(units(), [&](size_t begin, size_t end) {
      std::vector<size_t> counts(bins.size());
      arrays_.for_each_part(begin, end, [&](size_t array, size_t from, size_t to) {
        for (size_t i = from; i < to; ++i) {
          const int32_t magnitude = magnitude_of(arrays_.data(array)[i]);
          if (magnitude < bracket.lo)
            ++counts[0];
          else if (magnitude <= bracket.hi)
            ++counts[static_cast<size_t>(((magnitude - bracket.lo) >> shift) + 1)];
        }
      });
      const std::lock_guard lock(mutex);
      for (size_t i = 0; i < bins.size(); ++i) bins[i] += counts[i];
    });
    size_t below = bins[0];
    size_t bin = 1;
    while (bin + 1 < bins.size() && below + bins[bin] < k) below += bins[bin++];
    const int32_t lo = bracket.lo + static_cast<int32_t>((bin - 1) << shift);
    const int32_t width = (1 << shift) - 1;
    return {lo, width < bracket.hi - lo ? lo + width : bracket.hi};
  }

  Units units() const { return {arrays_.size(), sizeof(float)}; }

  const Kernels& kernels_;
  const Arrays& arrays_;
  const Steps& steps_;
  std::vector<int32_t> found_;
};

}  // namespace modelpress

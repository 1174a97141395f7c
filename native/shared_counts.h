// Counters that several threads share in turn. Included by bindings only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace modelpress {

// What several threads count in parts of x: each takes a table that no other is using, so there are as many
// as threads were at work, and adding them up takes no more time than that. A table is `copies` times
// `stride` counters, of which the first `bins` of each copy count.
class SharedCounts {
 public:
  SharedCounts(size_t bins, size_t copies, size_t stride, double* counts)
      : bins_(bins), copies_(copies), stride_(stride), counts_(counts) {}

  // Calls run(begin, end, counters) for parts of n elements, none of which counts past 31 bits: x64 without
  // AVX-512 has no conversion of 32 unsigned bits.
  template <class Run>
  void count(size_t n, const Run& run) {
    Table table = take();
    for (size_t begin = 0; begin < n;) {
      const size_t part = std::min(n - begin, kMaxPart);
      if (table.seen > kMaxSeen - part) {
        add(table);
        std::fill(table.counters.begin(), table.counters.end(), 0);
        table.seen = 0;
      }
      run(begin, begin + part, table.counters.data());
      table.seen += part;
      begin += part;
    }
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(table));
  }

  void finish() {
    for (const Table& table : idle_) add(table);
    if (!has_counts_) std::fill_n(counts_, bins_, 0.0);
  }

 private:
  static constexpr size_t kMaxPart = size_t{1} << 30;
  static constexpr size_t kMaxSeen = INT32_MAX;

  struct Table {
    std::vector<uint32_t> counters;
    size_t seen = 0;
  };

  Table take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Table table = std::move(idle_.back());
        idle_.pop_back();
        return table;
      }
    }
    return {std::vector<uint32_t>(copies_ * stride_)};
  }

  // The first counters are copied: to fill as many counts with zeros may take as long as to count.
  void add(const Table& table) {
    const std::lock_guard lock(mutex_);
    for (size_t k = 0; k < copies_; ++k, has_counts_ = true) {
      const uint32_t* const copy = table.counters.data() + k * stride_;
      const auto count = [&](size_t i) { return static_cast<double>(static_cast<int32_t>(copy[i])); };
      if (has_counts_)
        for (size_t i = 0; i < bins_; ++i) counts_[i] += count(i);
      else
        for (size_t i = 0; i < bins_; ++i) counts_[i] = count(i);
    }
  }

  const size_t bins_, copies_, stride_;
  double* const counts_;
  bool has_counts_ = false;
  std::mutex mutex_;
  std::vector<Table> idle_;
};

}  // namespace modelpress

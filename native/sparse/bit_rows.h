// How the elements of a matrix lie in a bitmask each of whose rows begins with a byte of its own. Included by
// bindings only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../job.h"

namespace modelpress {

struct BitRow {
  size_t at;    // its first element
  size_t n;     // how many elements it has
  size_t byte;  // where it begins in the bitmask
};

// Rows of whole bytes lie one after the other and count as one. Parts have about `part` elements.
class BitRows {
 public:
  BitRows(size_t elements, size_t columns, size_t part)
      : rows_(columns % 8 == 0 ? 1 : elements / columns), columns_(columns % 8 == 0 ? elements : columns) {
    if (elements == 0) return;
    if (rows_ == 1) part_columns_ = std::max<size_t>(8, part / 8 * 8 + (part % 8 == 0 ? 0 : 8));
    part_rows_ = rows_ == 1 ? 1 : std::max<size_t>(1, part / columns_);
    parts_ =
        rows_ == 1 ? (columns_ + part_columns_ - 1) / part_columns_ : (rows_ + part_rows_ - 1) / part_rows_;
  }

  size_t parts() const { return parts_; }
  Units units() const { return {parts_, parts_ == 0 ? 0 : rows_ * columns_ / parts_ * sizeof(float)}; }

  template <class Visit>
  void for_each_row(size_t part, const Visit& visit) const {
    if (rows_ == 1) {
      const size_t at = part * part_columns_;
      visit(BitRow{at, std::min(part_columns_, columns_ - at), at / 8});
      return;
    }
    const size_t bytes = (columns_ + 7) / 8;
    const size_t end = std::min(rows_, (part + 1) * part_rows_);
    for (size_t row = part * part_rows_; row < end; ++row)
      visit(BitRow{row * columns_, columns_, row * bytes});
  }

 private:
  size_t rows_, columns_;
  size_t part_rows_ = 1;
  size_t part_columns_ = 8;
  size_t parts_ = 0;
};

// How many of the first n bits are set.
inline size_t bits_set(const uint8_t* bitmask, size_t n) {
  const auto set_in = [](uint64_t word) {
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return static_cast<size_t>(word * 0x0101010101010101u >> 56);
  };
  size_t count = 0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    uint64_t word;
    std::memcpy(&word, bitmask + i / 8, sizeof(word));
    count += set_in(word);
  }
  for (; i < n; i += 8) count += set_in(bitmask[i / 8] & (n - i < 8 ? (1u << (n - i)) - 1 : 0xffu));
  return count;
}

}  // namespace modelpress

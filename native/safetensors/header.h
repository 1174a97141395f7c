#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace modelpress {

// The tensors of a header, in its order.
struct TensorTable {
  static constexpr size_t kColumns = 5;

  // A line break after each: no plain string holds one.
  std::string names;
  // For each tensor the rank of its type among those of the format, bytes, first byte in the data, and where
  // its sizes begin and end in `sizes`.
  std::vector<double> rows;
  std::vector<double> sizes;
  // Keys and texts, a line break after each.
  std::string metadata;
};

// Reads a header that is valid in all that the format asks for before `data_bytes` bytes of data, and plain,
// as nearly every writer makes it: strings of ASCII without escapes, integers below 10^15, the fields of a
// tensor as dtype, shape and data_offsets, tensors in the order of their bytes. False for everything else,
// valid or not: lib/safetensors/header.ts reads that itself, and says what is wrong with it.
bool read_plain_header(const uint8_t* text, size_t size, double data_bytes, TensorTable& table);

}  // namespace modelpress

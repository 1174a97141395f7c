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

// The first thing that is wrong with a header, so placed that lib/safetensors/header-fault.ts finds it again
// by reading from `at`, and says it as if it had read all.
struct HeaderFault {
  // "text": not UTF-8. "start": no object. "member": a key of the header and what belongs to it. "pair": the
  // same of the metadata. "repeated": a key that came before. "close": neither another member nor the end of
  // its object. "end": something behind the header's object. "place": a tensor whose bytes do not follow on
  // those before it. "rest": data that no tensor has.
  const char* kind = nullptr;
  // From the start of the header's text; what is wrong is seen by who reads up to `end`.
  size_t at = 0;
  size_t end = 0;
  // Bytes of the data that have a tensor, for the last two.
  double covered = 0;
};

enum class HeaderKind {
  // All is in the table.
  kPlain,
  // All that the format asks for, but with strings that the table has no form for: escapes, or beyond ASCII.
  kOther,
  kFault,
};

// Reads a header before `data_bytes` bytes of data, and checks all that lib/safetensors/header.ts checks.
HeaderKind read_header(const uint8_t* text, size_t size, double data_bytes, TensorTable& table,
                       HeaderFault& fault);

}  // namespace modelpress

#include "header.h"

#include <string_view>
#include <unordered_set>

namespace modelpress {
namespace {

struct Type {
  std::string_view name;
  double bits;
};

// As lib/safetensors/header.ts orders them.
constexpr Type kTypes[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
};

constexpr int kMaxDigits = 15;
// A list of more sizes would take several times its text in memory.
constexpr size_t kMaxRank = 64;
// Names that hash alike make the set slow; V8's own, which lib uses, hashes with a secret.
constexpr size_t kMaxCollisions = 32;
// Up to here doubles are exact.
constexpr double kMaxBits = 9007199254740991.0;

class Reader {
 public:
  Reader(const uint8_t* text, size_t size, TensorTable& table)
      : at_(text), end_(text + size), table_(table) {}

  bool header(double data_bytes) {
    // Other readers look for this byte, so no white space may come before it.
    if (at_ == end_ || *at_ != '{') return false;
    const auto member = [this](std::string_view key) {
      return key == "__metadata__" ? metadata() : tensor(key);
    };
    if (!object(member)) return false;
    skip_space();
    return at_ == end_ && covered_ == data_bytes;
  }

 private:
  // Calls member(key) at each value; false for a key that comes twice.
  template <class Member>
  bool object(const Member& member) {
    if (!accept('{')) return false;
    if (accept('}')) return true;
    std::unordered_set<std::string_view> seen;
    do {
      std::string_view key;
      if (!string(key) || !accept(':')) return false;
      if (seen.bucket_count() > 0 && seen.bucket_size(seen.bucket(key)) > kMaxCollisions) return false;
      if (!seen.insert(key).second || !member(key)) return false;
    } while (accept(','));
    return accept('}');
  }

  bool tensor(std::string_view name) {
    std::string_view dtype;
    if (!accept('{') || !field("dtype") || !string(dtype)) return false;
    const Type* type = std::begin(kTypes);
    while (type != std::end(kTypes) && type->name != dtype) ++type;
    if (type == std::end(kTypes)) return false;

    const size_t first_size = table_.sizes.size();
    double bits = type->bits;
    const auto add_size = [&](double size) {
      table_.sizes.push_back(size);
      bits *= size;
      return bits <= kMaxBits && table_.sizes.size() - first_size <= kMaxRank;
    };
    if (!accept(',') || !field("shape") || !integers(add_size)) return false;

    double offsets[2];
    size_t count = 0;
    const auto add_offset = [&](double offset) {
      if (count < 2) offsets[count] = offset;
      return ++count <= 2;
    };
    if (!accept(',') || !field("data_offsets") || !integers(add_offset) || !accept('}')) return false;
    // Each begins where the one before it ends: no hole, no overlap.
    if (count != 2 || offsets[0] != covered_ || (offsets[1] - offsets[0]) * 8 != bits) return false;
    covered_ = offsets[1];

    add_line(table_.names, name);
    const double row[TensorTable::kColumns] = {static_cast<double>(type - kTypes), bits / 8, offsets[0],
                                               static_cast<double>(first_size),
                                               static_cast<double>(table_.sizes.size())};
    table_.rows.insert(table_.rows.end(), std::begin(row), std::end(row));
    return true;
  }

  bool metadata() {
    return object([this](std::string_view key) {
      std::string_view text;
      if (!string(text)) return false;
      add_line(table_.metadata, key);
      add_line(table_.metadata, text);
      return true;
    });
  }

  bool field(std::string_view name) {
    std::string_view key;
    return string(key) && key == name && accept(':');
  }

  // One with an escape or beyond ASCII is not plain.
  bool string(std::string_view& value) {
    if (!accept('"')) return false;
    const uint8_t* const from = at_;
    while (at_ != end_ && *at_ != '"') {
      if (*at_ < ' ' || *at_ > '~' || *at_ == '\\') return false;
      ++at_;
    }
    if (at_ == end_) return false;
    value = {reinterpret_cast<const char*>(from), static_cast<size_t>(at_ - from)};
    ++at_;
    return true;
  }

  // Calls add(value) for each of a list, until it returns false.
  template <class Add>
  bool integers(const Add& add) {
    if (!accept('[')) return false;
    if (accept(']')) return true;
    do {
      double value;
      if (!integer(value) || !add(value)) return false;
    } while (accept(','));
    return accept(']');
  }

  bool integer(double& value) {
    skip_space();
    const uint8_t* const from = at_;
    int64_t sum = 0;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      if (at_ - from == kMaxDigits) return false;
      sum = sum * 10 + (*at_ - '0');
    }
    value = static_cast<double>(sum);
    return at_ != from && (*from != '0' || at_ - from == 1);
  }

  static void add_line(std::string& lines, std::string_view text) {
    lines.append(text);
    lines.push_back('\n');
  }

  bool accept(char character) {
    skip_space();
    if (at_ == end_ || *at_ != static_cast<uint8_t>(character)) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }

  const uint8_t* at_;
  const uint8_t* const end_;
  TensorTable& table_;
  double covered_ = 0;  // bytes of the data that have a tensor
};

}  // namespace

bool read_plain_header(const uint8_t* text, size_t size, double data_bytes, TensorTable& table) {
  return Reader(text, size, table).header(data_bytes);
}

}  // namespace modelpress

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace modelpress {

// A reader of the few shapes of JSON that a header may hold, as lib/safetensors/header-text.ts. Where one
// returns false, at() is where that fails.
class HeaderText {
 public:
  HeaderText(const uint8_t* text, size_t size) : start_(text), at_(text), end_(text + size) {}

  bool is_utf8() const;
  // White space is none of the object's first bytes.
  bool starts_with(char character) const { return at_ != end_ && *at_ == static_cast<uint8_t>(character); }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool accept(char character) {
    skip_space();
    if (!starts_with(character)) return false;
    ++at_;
    return true;
  }
  // A view of the text, or where it holds escapes of memory of this reader's.
  bool string(std::string_view& value);
  // From 0 to 2^53 - 1.
  bool integer(double& value);

  size_t at() const { return static_cast<size_t>(at_ - start_); }
  bool at_end() const { return at_ == end_; }
  // Every string so far is of printable ASCII without escapes.
  bool is_plain() const { return plain_; }

 private:
  bool escaped(const uint8_t* from, std::string_view& value);
  bool code_unit(uint32_t& unit);

  const uint8_t* const start_;
  const uint8_t* at_;
  const uint8_t* const end_;
  std::deque<std::string> decoded_;
  bool plain_ = true;
};

}  // namespace modelpress

#include "header_text.h"

#include <cstring>

namespace modelpress {
namespace {

constexpr int kMaxDigits = 16;
constexpr int64_t kMaxInteger = 9007199254740991;
// The high bits of eight bytes, none of which is set in ASCII.
constexpr uint64_t kHighBits = 0x8080808080808080;

bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// Bytes of the sequence that begins here; 0 where it is none of UTF-8 (Unicode 15, table 3-7).
size_t sequence_length(const uint8_t* at, const uint8_t* end) {
  const uint8_t lead = *at;
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
  if (length <= 1) return length;
  if (static_cast<size_t>(end - at) < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if (!is_continuation(at[i])) return 0;
  const uint8_t second = at[1];
  // Longer than need be, halves of a pair, past the last character.
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
      (lead == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

void append_utf8(std::string& text, uint32_t point) {
  const auto put = [&text](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto rest = [&](int shift) { put(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    rest(0);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    rest(6);
    rest(0);
  } else {
    put(0xf0 | point >> 18);
    rest(12);
    rest(6);
    rest(0);
  }
}

bool is_high(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

}  // namespace

bool HeaderText::is_utf8() const {
  for (const uint8_t* at = start_; at != end_;) {
    uint64_t eight;
    if (end_ - at >= 8) {
      std::memcpy(&eight, at, sizeof eight);
      if ((eight & kHighBits) == 0) {
        at += 8;
        continue;
      }
    }
    const size_t length = sequence_length(at, end_);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

bool HeaderText::string(std::string_view& value) {
  if (!accept('"')) return false;
  const uint8_t* const from = at_;
  for (; at_ != end_ && *at_ != '"'; ++at_) {
    if (*at_ == '\\') return escaped(from, value);
    if (*at_ < ' ') return false;
    if (*at_ > '~') plain_ = false;
  }
  if (at_ == end_) return false;
  value = {reinterpret_cast<const char*>(from), static_cast<size_t>(at_ - from)};
  ++at_;
  return true;
}

// The rest of a string, from its first backslash on.
bool HeaderText::escaped(const uint8_t* from, std::string_view& value) {
  plain_ = false;
  std::string& text = decoded_.emplace_back(from, at_);
  // Half a character is told of only in a string that is sound else.
  bool has_half = false;
  uint32_t high = 0;
  const auto end_pair = [&] {
    has_half |= high != 0;
    high = 0;
  };
  for (; at_ != end_ && *at_ != '"';) {
    if (*at_ < ' ') return false;
    if (*at_ != '\\') {
      end_pair();
      text.push_back(static_cast<char>(*at_++));
      continue;
    }
    uint32_t unit;
    if (!code_unit(unit)) return false;
    if (high != 0 && is_low(unit)) {
      append_utf8(text, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
      continue;
    }
    end_pair();
    if (is_high(unit)) {
      high = unit;
    } else if (is_low(unit)) {
      has_half = true;
    } else {
      append_utf8(text, unit);
    }
  }
  if (at_ == end_) return false;
  end_pair();
  ++at_;
  value = text;
  return !has_half;
}

// What an escape stands for.
bool HeaderText::code_unit(uint32_t& unit) {
  static constexpr char kEscapes[] = "\"\\/bfnrt";
  static constexpr char kMeanings[] = "\"\\/\b\f\n\r\t";
  if (end_ - at_ < 2) return false;
  const char letter = static_cast<char>(at_[1]);
  if (letter != 'u') {
    const char* const found = letter == '\0' ? nullptr : std::strchr(kEscapes, letter);
    if (found == nullptr) return false;
    unit = static_cast<uint8_t>(kMeanings[found - kEscapes]);
    at_ += 2;
    return true;
  }
  if (end_ - at_ < 6) return false;
  unit = 0;
  for (int i = 2; i < 6; ++i) {
    const uint8_t digit = at_[i];
    const uint8_t lower = digit | 0x20;
    if (digit >= '0' && digit <= '9') {
      unit = unit << 4 | static_cast<uint32_t>(digit - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  at_ += 6;
  return true;
}

bool HeaderText::integer(double& value) {
  skip_space();
  const uint8_t* const from = at_;
  int64_t sum = 0;
  for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
    if (at_ - from == kMaxDigits) return false;
    sum = sum * 10 + (*at_ - '0');
  }
  value = static_cast<double>(sum);
  const bool is_padded = at_ - from > 1 && *from == '0';
  // A fraction or an exponent would make more of the digits.
  const bool goes_on = at_ != end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E');
  return at_ != from && !is_padded && !goes_on && sum <= kMaxInteger;
}

}  // namespace modelpress

#include "header.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "header_text.h"
#include "name_set.h"

namespace modelpress {
namespace {

struct Type {
  std::string_view name;
  double bits;
};

// As lib/safetensors/entry.ts orders them.
constexpr Type kTypes[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
};

// Text for one tensor, as most writers and names have it.
constexpr size_t kUsualBytes = 80;
// As lib/safetensors/header-text.ts allows.
constexpr size_t kMaxIntegers = 64;
// Up to here doubles are exact.
constexpr double kMaxBits = 9007199254740991.0;

class Reader {
 public:
  Reader(const uint8_t* text, size_t size, TensorTable& table, HeaderFault& fault)
      : text_(text, size), table_(table), fault_(fault) {
    // Nearly no tensor takes less; memory that is not written to costs nothing.
    const size_t count = size / kUsualBytes;
    table_.names.reserve(size / 3);
    table_.rows.reserve(count * TensorTable::kColumns);
    table_.sizes.reserve(count * 2);
    positions_.reserve(count);
  }

  HeaderKind header(double data_bytes) {
    if (!read(data_bytes)) return HeaderKind::kFault;
    return text_.is_plain() ? HeaderKind::kPlain : HeaderKind::kOther;
  }

 private:
  bool read(double data_bytes) {
    if (!text_.is_utf8()) return fail("text", 0);
    // Other readers look for this byte, so no white space may come before it.
    if (!text_.starts_with('{')) return fail("start", 0);
    const auto member = [this](std::string_view name, size_t at) {
      return name == "__metadata__" ? metadata() : tensor(name, at);
    };
    if (!object("member", member)) return false;
    text_.skip_space();
    if (!text_.at_end()) return fail("end", text_.at());
    return check_places(data_bytes);
  }

  // False in every case. Of two the first stays, which lies deeper and says more.
  bool fail(const char* kind, size_t at) {
    if (fault_.kind == nullptr) fault_ = {kind, at, text_.at(), 0};
    return false;
  }

  // Calls value(key, position of the key) at each value.
  template <class Value>
  bool object(const char* kind, const Value& value) {
    if (!text_.accept('{')) return false;
    if (text_.accept('}')) return true;
    NameSet seen;
    do {
      text_.skip_space();
      const size_t at = text_.at();
      std::string_view key;
      if (!text_.string(key)) return fail(kind, at);
      if (!seen.insert(key)) return fail("repeated", at);
      if (!text_.accept(':') || !value(key, at)) return fail(kind, at);
    } while (text_.accept(','));
    return text_.accept('}') || fail("close", text_.at());
  }

  bool metadata() {
    return object("pair", [this](std::string_view key, size_t) {
      std::string_view text;
      if (!text_.string(text)) return false;
      add_line(table_.metadata, key);
      add_line(table_.metadata, text);
      return true;
    });
  }

  struct Fields {
    bool has_dtype = false;
    bool has_shape = false;
    bool has_offsets = false;
    std::string_view dtype;
    std::vector<double> shape;
    std::vector<double> offsets;
  };

  bool read_fields(Fields& fields) {
    if (!text_.accept('{')) return false;
    if (text_.accept('}')) return true;
    do {
      std::string_view key;
      if (!text_.string(key) || !text_.accept(':')) return false;
      bool is_read = false;
      if (key == "dtype" && !fields.has_dtype)
        is_read = fields.has_dtype = text_.string(fields.dtype);
      else if (key == "shape" && !fields.has_shape)
        is_read = fields.has_shape = integers(fields.shape);
      else if (key == "data_offsets" && !fields.has_offsets)
        is_read = fields.has_offsets = integers(fields.offsets);
      if (!is_read) return false;
    } while (text_.accept(','));
    return text_.accept('}');
  }

  bool integers(std::vector<double>& values) {
    values.clear();
    if (!text_.accept('[')) return false;
    if (text_.accept(']')) return true;
    do {
      double value;
      if (values.size() == kMaxIntegers || !text_.integer(value)) return false;
      values.push_back(value);
    } while (text_.accept(','));
    return text_.accept(']');
  }

  bool tensor(std::string_view name, size_t at) {
    Fields& fields = fields_;
    fields.has_dtype = fields.has_shape = fields.has_offsets = false;
    // Whole before anything in it is judged: who looks for the fault reads up to here.
    if (!read_fields(fields)) return false;
    if (!fields.has_dtype || !fields.has_shape || !fields.has_offsets) return false;
    const Type* const type = find_type(fields.dtype);
    if (type == nullptr || fields.offsets.size() != 2) return false;
    const double begin = fields.offsets[0];
    const double bits = bits_of(*type, fields.shape);
    if (begin > fields.offsets[1] || bits > kMaxBits || (fields.offsets[1] - begin) * 8 != bits) return false;

    add_line(table_.names, name);
    const double first_size = static_cast<double>(table_.sizes.size());
    table_.sizes.insert(table_.sizes.end(), fields.shape.begin(), fields.shape.end());
    const double row[TensorTable::kColumns] = {static_cast<double>(type - kTypes), bits / 8, begin,
                                               first_size, static_cast<double>(table_.sizes.size())};
    table_.rows.insert(table_.rows.end(), std::begin(row), std::end(row));
    positions_.push_back(static_cast<uint32_t>(at));
    return true;
  }

  // Most tensors have the type of the one before.
  const Type* find_type(std::string_view name) {
    if (last_type_->name == name) return last_type_;
    const auto found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [name](const Type& type) { return type.name == name; });
    if (found == std::end(kTypes)) return nullptr;
    last_type_ = found;
    return found;
  }

  static double bits_of(const Type& type, const std::vector<double>& shape) {
    double bits = type.bits;
    for (const double size : shape) {
      if (size == 0) return 0;
      bits *= size;
    }
    return bits;
  }

  double begin_of(uint32_t tensor) const { return table_.rows[tensor * TensorTable::kColumns + 2]; }
  double bytes_of(uint32_t tensor) const { return table_.rows[tensor * TensorTable::kColumns + 1]; }

  // Each begins where the one before it ends: no hole, no overlap, nothing behind the last.
  bool check_places(double data_bytes) {
    std::vector<uint32_t> order(positions_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto is_before = [this](uint32_t a, uint32_t b) {
      if (begin_of(a) != begin_of(b)) return begin_of(a) < begin_of(b);
      return bytes_of(a) != bytes_of(b) ? bytes_of(a) < bytes_of(b) : a < b;
    };
    if (!in_order()) std::sort(order.begin(), order.end(), is_before);
    double covered = 0;
    for (const uint32_t tensor : order) {
      if (begin_of(tensor) != covered || begin_of(tensor) + bytes_of(tensor) > data_bytes)
        return fail_place(tensor, covered);
      covered += bytes_of(tensor);
    }
    if (covered == data_bytes) return true;
    fault_ = {"rest", text_.at(), text_.at(), covered};
    return false;
  }

  // As nearly every writer leaves them.
  bool in_order() const {
    double last = 0;
    for (uint32_t tensor = 0; tensor < positions_.size(); ++tensor) {
      if (begin_of(tensor) < last) return false;
      last = begin_of(tensor) + bytes_of(tensor);
    }
    return true;
  }

  bool fail_place(uint32_t tensor, double covered) {
    const bool is_last = tensor + 1 == positions_.size();
    fault_ = {"place", positions_[tensor], is_last ? text_.at() : positions_[tensor + 1], covered};
    return false;
  }

  static void add_line(std::string& lines, std::string_view text) {
    lines.append(text);
    lines.push_back('\n');
  }

  HeaderText text_;
  TensorTable& table_;
  HeaderFault& fault_;
  const Type* last_type_ = kTypes;
  Fields fields_;                    // of one tensor; kept for its memory
  std::vector<uint32_t> positions_;  // of the tensors' names in the text
};

}  // namespace

HeaderKind read_header(const uint8_t* text, size_t size, double data_bytes, TensorTable& table,
                       HeaderFault& fault) {
  return Reader(text, size, table, fault).header(data_bytes);
}

}  // namespace modelpress

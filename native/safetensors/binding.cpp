#include <algorithm>
#include <memory>

#include "../args.h"
#include "../bindings.h"
#include "header.h"

#ifndef _WIN32
#include <unistd.h>
#endif

namespace modelpress {
namespace {

Napi::Value latin1(Napi::Env env, const std::string& text) {
  napi_value value;
  if (napi_create_string_latin1(env, text.data(), text.size(), &value) != napi_ok)
    throw Napi::Error::New(env);
  return Napi::Value(env, value);
}

Napi::Value doubles(Napi::Env env, const std::vector<double>& values) {
  auto array = Napi::Float64Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

constexpr size_t kPrefixBytes = 8;
// The format's own limit.
constexpr uint64_t kMaxHeaderBytes = 100000000;

struct Text {
  std::unique_ptr<uint8_t[]> bytes;  // null where there is none
  size_t size = 0;
};

// The header of a file of so many bytes, in memory that nobody else can change.
Text read_header_text(int descriptor, double file_bytes) {
  Text text;
#ifdef _WIN32
  // A descriptor of Node's C library means nothing to this one.
  static_cast<void>(descriptor);
  static_cast<void>(file_bytes);
#else
  uint8_t prefix[kPrefixBytes];
  if (pread(descriptor, prefix, kPrefixBytes, 0) != static_cast<ssize_t>(kPrefixBytes)) return text;
  uint64_t length = 0;
  for (size_t i = 0; i < kPrefixBytes; ++i) length |= static_cast<uint64_t>(prefix[i]) << (8 * i);
  if (length > kMaxHeaderBytes || static_cast<double>(kPrefixBytes + length) > file_bytes) return text;
  text.size = static_cast<size_t>(length);
  std::unique_ptr<uint8_t[]> bytes(new uint8_t[text.size]);
  const ssize_t read = pread(descriptor, bytes.get(), text.size, static_cast<off_t>(kPrefixBytes));
  if (read == static_cast<ssize_t>(length)) text.bytes = std::move(bytes);
#endif
  return text;
}

}  // namespace

// (descriptor, size) -> { dataStart, names, rows, sizes, metadata }, the last four as in TensorTable;
// { dataStart, kind, at, end, covered } as in HeaderFault; or undefined where there is no header to be read,
// or one that the table has no form for.
Napi::Value binding::read_safetensors_header(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = descriptor_arg(info, 0);
  const double file_bytes = number_arg(info, 1);
  const Text text = read_header_text(descriptor, file_bytes);
  if (text.bytes == nullptr) return env.Undefined();
  const double data_start = static_cast<double>(kPrefixBytes + text.size);
  TensorTable table;
  HeaderFault fault;
  const HeaderKind kind = read_header(text.bytes.get(), text.size, file_bytes - data_start, table, fault);
  if (kind == HeaderKind::kOther) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("dataStart", data_start);
  if (kind == HeaderKind::kFault) {
    result.Set("kind", fault.kind);
    result.Set("at", static_cast<double>(fault.at));
    result.Set("end", static_cast<double>(fault.end));
    result.Set("covered", fault.covered);
    return result;
  }
  result.Set("names", latin1(env, table.names));
  result.Set("rows", doubles(env, table.rows));
  result.Set("sizes", doubles(env, table.sizes));
  result.Set("metadata", latin1(env, table.metadata));
  return result;
}

}  // namespace modelpress

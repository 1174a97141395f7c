#include <algorithm>

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

// The header of a file of so many bytes, in memory that nobody else can change; empty where there is none.
std::vector<uint8_t> read_header_text(int descriptor, double file_bytes) {
#ifdef _WIN32
  // A descriptor of Node's C library means nothing to this one.
  static_cast<void>(descriptor);
  static_cast<void>(file_bytes);
  return {};
#else
  uint8_t prefix[kPrefixBytes];
  if (pread(descriptor, prefix, kPrefixBytes, 0) != static_cast<ssize_t>(kPrefixBytes)) return {};
  uint64_t length = 0;
  for (size_t i = 0; i < kPrefixBytes; ++i) length |= static_cast<uint64_t>(prefix[i]) << (8 * i);
  if (length > kMaxHeaderBytes || static_cast<double>(kPrefixBytes + length) > file_bytes) return {};
  std::vector<uint8_t> text(static_cast<size_t>(length));
  const ssize_t read = pread(descriptor, text.data(), text.size(), static_cast<off_t>(kPrefixBytes));
  return read == static_cast<ssize_t>(length) ? text : std::vector<uint8_t>();
#endif
}

}  // namespace

// (descriptor, size) -> { dataStart, names, rows, sizes, metadata }, the last four as in TensorTable, or
// undefined where the file does not begin with a plain header.
Napi::Value binding::read_safetensors_header(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = descriptor_arg(info, 0);
  const std::vector<uint8_t> text = read_header_text(descriptor, number_arg(info, 1));
  const double data_start = static_cast<double>(kPrefixBytes + text.size());
  TensorTable table;
  if (!read_plain_header(text.data(), text.size(), number_arg(info, 1) - data_start, table))
    return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("dataStart", data_start);
  result.Set("names", latin1(env, table.names));
  result.Set("rows", doubles(env, table.rows));
  result.Set("sizes", doubles(env, table.sizes));
  result.Set("metadata", latin1(env, table.metadata));
  return result;
}

}  // namespace modelpress

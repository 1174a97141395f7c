#include <cmath>
#include <limits>
#include <memory>
#include <system_error>

#include "../args.h"
#include "../bindings.h"
#include "mapping.h"

namespace modelpress {
namespace {

// Where Windows lets a view begin; a multiple of every system's page.
constexpr double kStep = 65536;
constexpr double kMaxFile = 9007199254740991.0;
constexpr double kMaxMemory = static_cast<double>(std::numeric_limits<size_t>::max() / 2);

// V8 counts the bytes of a buffer as memory that collecting it would give back, and collects the more often
// for it; mapped pages are the system's to take back at any time.
void count_as_memory(napi_env env, double sign, size_t size) {
  if (!binding::can_uncount(env)) return;
  int64_t now;
  napi_adjust_external_memory(env, static_cast<int64_t>(sign * static_cast<double>(size)), &now);
}

void finalize(napi_env env, void*, void* hint) {
  const std::unique_ptr<std::shared_ptr<Mapping>> mapping(static_cast<std::shared_ptr<Mapping>*>(hint));
  count_as_memory(env, 1, (*mapping)->size());
  (*mapping)->release();
}

// Detaches the buffer first, so that no view of it can reach the address afterwards.
void unmap(const Napi::CallbackInfo& info, Mapping& mapping) {
  if (mapping.data() == nullptr) return;
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_arraybuffer_info(info.Env(), info[0], &data, &length) != napi_ok)
    throw Napi::TypeError::New(info.Env(), "argument is not an ArrayBuffer");
  if (data != mapping.data()) throw Napi::TypeError::New(info.Env(), "this is another file's buffer");
  if (napi_detach_arraybuffer(info.Env(), info[0]) == napi_ok) mapping.release();
}

}  // namespace

// Since Node 23 or 24 V8 ends the process when what it counts would fall below zero, so there pages stay
// counted.
bool binding::can_uncount(napi_env env) {
  const napi_node_version* version = nullptr;
  return napi_get_node_version(env, &version) == napi_ok && version->major <= 22;
}

// (descriptor, path, offset, size) -> { buffer, forget(), unmap(buffer) }, or undefined where this runtime
// takes no outside memory.
Napi::Value binding::map_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[1].IsString()) throw Napi::TypeError::New(env, "path is not a string");
  const int descriptor = descriptor_arg(info, 0);
  const double offset = number_arg(info, 2);
  const double size = number_arg(info, 3);
  require(info, offset >= 0 && std::fmod(offset, kStep) == 0 && offset <= kMaxFile,
          "offset is not a multiple of 64 KiB");
  require(info, size >= 1 && size == std::floor(size) && size <= kMaxFile - offset && size <= kMaxMemory,
          "size is not one that can be mapped");

  std::shared_ptr<Mapping> mapping;
  try {
    const std::u16string path = info[1].As<Napi::String>().Utf16Value();
    mapping =
        std::make_shared<Mapping>(descriptor, path, static_cast<uint64_t>(offset), static_cast<size_t>(size));
  } catch (const std::system_error& error) {
    throw Napi::Error::New(env, error.what());
  }
  napi_value buffer;
  auto hint = std::make_unique<std::shared_ptr<Mapping>>(mapping);
  const napi_status status =
      napi_create_external_arraybuffer(env, mapping->data(), mapping->size(), finalize, hint.get(), &buffer);
  if (status != napi_ok) return env.Undefined();
  hint.release();
  // Afterwards: V8 collects too when it has been told of less memory just before a buffer adds to it.
  count_as_memory(env, -1, mapping->size());

  Napi::Object result = Napi::Object::New(env);
  result.Set("buffer", Napi::Value(env, buffer));
  result.Set("forget", Napi::Function::New(env, [mapping](const Napi::CallbackInfo&) { mapping->forget(); }));
  result.Set("unmap",
             Napi::Function::New(env, [mapping](const Napi::CallbackInfo& call) { unmap(call, *mapping); }));
  return result;
}

}  // namespace modelpress

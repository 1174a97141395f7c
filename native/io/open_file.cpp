#include "../args.h"
#include "../bindings.h"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#endif

// Node's own openSync and fstatSync take 0.05 and 0.1 ms at their first calls, and fstatSync 4 us at others.
// On Windows a descriptor of Node's C library means nothing here.
namespace modelpress {
namespace {

// Bytes of an open regular file; -1 for everything else.
double regular_size(int descriptor) {
#ifdef _WIN32
  static_cast<void>(descriptor);
#else
  struct stat found;
  if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode)) return static_cast<double>(found.st_size);
#endif
  return -1;
}

}  // namespace

// (descriptor) -> the bytes of an open regular file; -1 for everything else. Views of a mapped file ask each
// time.
Napi::Value binding::file_size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), regular_size(descriptor_arg(info, 0)));
}

// (path) -> [descriptor, bytes] of a regular file, open for reading; undefined where there is none.
Napi::Value binding::open_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) throw Napi::TypeError::New(env, "path is not a string");
#ifndef _WIN32
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  if (path.find('\0') != std::string::npos) return env.Undefined();
  // Without O_NONBLOCK a pipe would block until somebody writes to it.
  const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return env.Undefined();
  const double size = regular_size(descriptor);
  if (size >= 0) {
    Napi::Array opened = Napi::Array::New(env, 2);
    opened.Set(0u, Napi::Number::New(env, descriptor));
    opened.Set(1u, Napi::Number::New(env, size));
    return opened;
  }
  close(descriptor);
#endif
  return env.Undefined();
}

}  // namespace modelpress

// The memory's limits for benchmarks; never shipped. Exports every loop that this processor runs, and a call
// that does nothing.
#include <napi.h>

#include <functional>
#include <numeric>
#include <thread>

#include "loops.h"

namespace {

constexpr size_t kLine = 64;

struct Bytes {
  uint8_t* data;
  size_t length;
};

// From the first cache line that begins in the array; nothing for an argument that is no array.
Bytes lines_of(const Napi::Value& value) {
  napi_typedarray_type type;
  void* data;
  size_t length;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok)
    return {nullptr, 0};
  uint8_t* begin = static_cast<uint8_t*>(data);
  const size_t skip = (kLine - reinterpret_cast<uintptr_t>(begin) % kLine) % kLine;
  return length > skip ? Bytes{begin + skip, length - skip} : Bytes{begin, 0};
}

// Runs a loop on equal parts of both arrays at once.
uint8_t on_threads(decltype(Loop::run) loop, Bytes x, Bytes y, size_t threads) {
  const size_t x_part = x.length / threads / kLine * kLine;
  const size_t y_part = y.length / threads / kLine * kLine;
  std::vector<uint8_t> results(threads);
  std::vector<std::thread> others;
  const auto part = [&](size_t i) {
    results[i] = loop(x.data + i * x_part, x_part, y.data + i * y_part, y_part);
  };
  for (size_t i = 1; i < threads; ++i) others.emplace_back(part, i);
  part(0);
  for (std::thread& other : others) other.join();
  return std::accumulate(results.begin(), results.end(), uint8_t{0}, std::bit_xor<>());
}

// Takes the input and the output as Uint8Array, and the number of threads.
Napi::Value run(const Napi::CallbackInfo& info) {
  const auto loop = *static_cast<decltype(Loop::run)*>(info.Data());
  const Bytes x = lines_of(info[0]);
  const Bytes y = lines_of(info[1]);
  const size_t threads = info[2].ToNumber().Uint32Value();
  const uint8_t result =
      threads > 1 ? on_threads(loop, x, y, threads) : loop(x.data, x.length, y.data, y.length);
  return Napi::Number::New(info.Env(), result);  // so that no loop is dead
}

void nothing(const Napi::CallbackInfo&) {}

std::vector<Loop> loops_of_this_processor() {
#if defined(LIMITS_X64)
  if (__builtin_cpu_supports("avx2")) {
    std::vector<Loop> loops = avx2_loops();
    if (__builtin_cpu_supports("avx512f"))
      for (const Loop& loop : avx512_loops()) loops.push_back(loop);
    return loops;
  }
#endif
  return portable_loops();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  static const std::vector<Loop> loops = loops_of_this_processor();
  Napi::Array list = Napi::Array::New(env, loops.size());
  for (size_t i = 0; i < loops.size(); ++i) {
    Napi::Object item = Napi::Object::New(env);
    item.Set("name", loops[i].name);
    item.Set("reads", loops[i].reads);
    item.Set("writes", loops[i].writes);
    item.Set("counts", loops[i].counts);
    item.Set("run", Napi::Function::New<run>(env, "run", const_cast<decltype(Loop::run)*>(&loops[i].run)));
    list.Set(static_cast<uint32_t>(i), item);
  }
  exports.Set("loops", list);
  exports.Set("nothing", Napi::Function::New<nothing>(env, "nothing"));
  return exports;
}

NODE_API_MODULE(limits, init)

}  // namespace

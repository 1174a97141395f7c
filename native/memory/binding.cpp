#include <cmath>

#include "../args.h"
#include "../bindings.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace modelpress {

#ifdef __linux__

namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr double kMaxBytes = 9007199254740991.0;

// Where the memory really begins and how much it is; the buffer begins at the first huge page in it.
struct Block {
  void* start;
  size_t size;
};

void release(napi_env, void*, void* hint) {
  const auto* const block = static_cast<Block*>(hint);
  munmap(block->start, block->size);
  delete block;
}

}  // namespace

// (bytes) -> an ArrayBuffer of zeros that the system is asked to back with huge pages, so that writing it for
// the first time faults 512 times less often; undefined where there are none, or no outside memory is taken.
Napi::Value binding::allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double bytes = number_arg(info, 0);
  require(info, bytes >= 1 && bytes == std::floor(bytes) && bytes <= kMaxBytes, "bytes is not a size");
  const size_t size = static_cast<size_t>(bytes);
  const size_t reserved = (size + 2 * kHugePage - 1) / kHugePage * kHugePage;
  void* const start = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return env.Undefined();
  const uintptr_t address = reinterpret_cast<uintptr_t>(start);
  void* const data = reinterpret_cast<void*>((address + kHugePage - 1) / kHugePage * kHugePage);
  madvise(data, size, MADV_HUGEPAGE);
  auto* const block = new Block{start, reserved};
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, data, size, release, block, &buffer) == napi_ok)
    return Napi::Value(env, buffer);
  release(env, data, block);
  return env.Undefined();
}

#else

Napi::Value binding::allocate(const Napi::CallbackInfo& info) { return info.Env().Undefined(); }

#endif

}  // namespace modelpress

// The device behind the stand-in for the CUDA runtime: its streams, its memory, and the calls that have to
// fail.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "simt.h"

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorLaunchFailure = 719,
};

namespace shim {

struct Stream {
  int number = 0;
  std::deque<std::function<void()>> work;
  size_t issued = 0, finished = 0;
  double milliseconds = 0;  // by a clock of its own

  void add(std::function<void()> item) {
    work.push_back(std::move(item));
    ++issued;
  }
  void finish(size_t until) {
    for (; finished < until; ++finished) {
      const auto item = std::move(work.front());
      work.pop_front();
      item();
    }
  }
};

struct Event {
  Stream* stream = nullptr;
  size_t ticket = 0;
  double milliseconds = 0;
};

struct State {
  Stream null_stream;
  std::vector<std::unique_ptr<Stream>> streams;
  std::map<const char*, size_t> device, pinned;
  size_t device_bytes = 0;
  cudaError_t last = cudaSuccess;
  std::string fail_rule;
  int fail_count = 0;
};
inline State state;

inline Stream& stream_of(Stream* stream) { return stream ? *stream : state.null_stream; }

inline void finish_all() {
  state.null_stream.finish(state.null_stream.issued);
  for (const auto& stream : state.streams) stream->finish(stream->issued);
}

inline bool is_within(const std::map<const char*, size_t>& allocations, const void* data, size_t bytes) {
  const char* const at = static_cast<const char*>(data);
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin()) return false;
  --next;
  return at + bytes <= next->first + next->second;
}

inline void trace(const char* call, const std::string& details) {
  const char* const path = getenv("MODELPRESS_SHIM_TRACE");
  if (!path || !*path) return;
  FILE* const file = fopen(path, "a");
  fprintf(file, "%s%s\n", call, details.c_str());
  fclose(file);
}

inline cudaError_t failed(cudaError_t status) { return state.last = status; }

// The error that this call has to give, by MODELPRESS_SHIM_FAIL.
inline cudaError_t begin(const char* call, const std::string& details = "") {
  trace(call, details);
  const char* const variable = getenv("MODELPRESS_SHIM_FAIL");
  const std::string rule = variable ? variable : "";
  if (rule != state.fail_rule) {
    state.fail_rule = rule;
    state.fail_count = 0;
  }
  const size_t colon = rule.find(':');
  if (colon == std::string::npos || rule.substr(0, colon) != call) return cudaSuccess;
  int which = 0;
  int status = 0;
  sscanf(rule.c_str() + colon, ":%d:%d", &which, &status);
  return ++state.fail_count == which ? failed(static_cast<cudaError_t>(status)) : cudaSuccess;
}

// The end of a mapping, so that the page after it is reached by the first byte too many.
inline char* map_before_guard(size_t bytes, size_t& mapped) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t room = (bytes + 15) / 16 * 16;
  mapped = (room + page - 1) / page * page;
  char* const memory = static_cast<char*>(
      mmap(nullptr, mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) simt::stop("no memory");
  mprotect(memory + mapped, page, PROT_NONE);
  std::memset(memory, 0xaa, mapped);
  return memory + mapped - room;
}

inline std::string bytes_on(size_t bytes, const Stream* stream) {
  return " " + std::to_string(bytes) + " bytes on stream " + std::to_string(stream ? stream->number : 0);
}

constexpr double kMillisecondsPerByte = 1e-6;

inline void copy(Stream& stream, void* to, const void* from, size_t bytes) {
  stream.add([=, &stream] {
    std::memcpy(to, from, bytes);
    stream.milliseconds += static_cast<double>(bytes) * kMillisecondsPerByte;
  });
}

}  // namespace shim

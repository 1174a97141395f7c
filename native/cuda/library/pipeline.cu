#include <algorithm>
#include <cstring>

#include "check.h"
#include "pipeline.h"
#include "settings.h"

namespace modelpress {
namespace {

void begin_chunk(Context& context, const Chunks& chunks, size_t chunk) {
  Slot& slot = context.slot(chunk % kSlots);
  const size_t in = chunks.bytes_in(chunk);
  const size_t out = chunks.bytes_out(chunk);
  void* const device_in = in > 0 ? slot.in.reserve(in) : nullptr;
  void* const device_out = out > 0 ? slot.out.reserve(out) : nullptr;
  void* const host_in = in > 0 ? slot.host_in.reserve(in) : nullptr;
  void* const host_out = out > 0 ? slot.host_out.reserve(out) : nullptr;
  if (in > 0) chunks.stage(chunk, static_cast<char*>(host_in));
  check(cudaEventRecord(slot.begun, slot.stream), "cudaEventRecord");
  if (in > 0)
    check(cudaMemcpyAsync(device_in, host_in, in, cudaMemcpyHostToDevice, slot.stream), "cudaMemcpyAsync");
  check(cudaEventRecord(slot.copied, slot.stream), "cudaEventRecord");
  chunks.launch(chunk, static_cast<const char*>(device_in), static_cast<char*>(device_out), slot.stream);
  check(cudaEventRecord(slot.computed, slot.stream), "cudaEventRecord");
  if (out > 0)
    check(cudaMemcpyAsync(host_out, device_out, out, cudaMemcpyDeviceToHost, slot.stream), "cudaMemcpyAsync");
  check(cudaEventRecord(slot.done, slot.stream), "cudaEventRecord");
}

double milliseconds(cudaEvent_t from, cudaEvent_t to) {
  float passed = 0;
  check(cudaEventElapsedTime(&passed, from, to), "cudaEventElapsedTime");
  return passed;
}

void end_chunk(Context& context, const Chunks& chunks, size_t chunk) {
  Slot& slot = context.slot(chunk % kSlots);
  check(cudaEventSynchronize(slot.done), "cudaEventSynchronize");
  context.times.to_device += milliseconds(slot.begun, slot.copied);
  context.times.kernels += milliseconds(slot.copied, slot.computed);
  context.times.to_host += milliseconds(slot.computed, slot.done);
  const size_t out = chunks.bytes_out(chunk);
  if (out > 0) chunks.collect(chunk, static_cast<const char*>(slot.host_out.reserve(out)));
}

// As many elements as fit into staging memory, and all where nothing has to be staged.
size_t range_size(const Stream& x, const Stream& y, size_t n) {
  const size_t bits = std::max(x.on_host() ? x.bits : 0, y.on_host() ? y.bits : 0);
  if (bits == 0) return n;
  const size_t fitting = kChunkBytes * 8 / bits;
  return std::max(kRangeMultiple, fitting / kRangeMultiple * kRangeMultiple);
}

}  // namespace

void run_chunks(const Session& session, const Chunks& chunks) {
  size_t begun = 0;
  for (; begun < chunks.count && !session.cancelled(); ++begun) {
    if (begun >= kSlots) end_chunk(*session, chunks, begun - kSlots);
    begin_chunk(*session, chunks, begun);
  }
  for (size_t chunk = begun - std::min(begun, kSlots); chunk < begun; ++chunk)
    end_chunk(*session, chunks, chunk);
}

void run_ranges(const Session& session, const Stream& x, const Stream& y, size_t n,
                const LaunchRange& launch) {
  if (n == 0) return;
  const size_t size = range_size(x, y, n);
  const auto count = [=](size_t chunk) { return std::min(size, n - chunk * size); };
  const Chunks chunks = {
      (n + size - 1) / size,
      [=](size_t chunk) { return x.on_host() ? x.bytes(count(chunk)) : 0; },
      [=](size_t chunk) { return y.on_host() ? y.bytes(count(chunk)) : 0; },
      [=](size_t chunk, char* staged) { std::memcpy(staged, x.at(chunk * size), x.bytes(count(chunk))); },
      [=](size_t chunk, const char* in, char* out, cudaStream_t stream) {
        const size_t begin = chunk * size;
        launch(begin, count(chunk), x.on_host() ? in : x.at(begin), y.on_host() ? out : y.at(begin), stream);
      },
      [=](size_t chunk, const char* staged) {
        std::memcpy(y.at(chunk * size), staged, y.bytes(count(chunk)));
      },
  };
  run_chunks(session, chunks);
}

}  // namespace modelpress

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
size_t range_size(const Stream& x, const Stream& y, size_t n, size_t multiple) {
  const size_t bits = std::max(x.on_host() ? x.bits : 0, y.on_host() ? y.bits : 0);
  if (bits == 0) return n;
  const size_t fitting = kChunkBytes * 8 / bits;
  return std::max(multiple, fitting / multiple * multiple);
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

void run_ranges(const Session& session, const Stream& x, const Stream& y, size_t n, const LaunchRange& launch,
                size_t multiple) {
  if (n == 0) return;
  const size_t size = range_size(x, y, n, multiple);
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

Resident::Resident(const Session& session, const CudaArray* arrays, const uint64_t* lengths, size_t count)
    : session_(session), arrays_(arrays), lengths_(lengths), count_(count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i)
    if (arrays[i].on_device == 0) bytes += lengths[i] * sizeof(float);
  if (bytes > 0) kept_ = static_cast<char*>(memory_.try_reserve(bytes));
}

Stream Resident::at(size_t array) const {
  if (!is_filled_ || kept_ == nullptr || arrays_[array].on_device != 0) return {arrays_[array], 32};
  size_t before = 0;
  for (size_t i = 0; i < array; ++i)
    if (arrays_[i].on_device == 0) before += lengths_[i];
  return {{kept_ + before * sizeof(float), 1}, 32};
}

void Resident::read(const LaunchArray& launch) {
  char* to = is_filled_ ? nullptr : kept_;
  for (size_t array = 0; array < count_; ++array) {
    const Stream from = at(array);
    const bool keeps = to != nullptr && from.on_host();
    run_ranges(session_, from, {}, lengths_[array],
               [&](size_t begin, size_t count, const void* x, void*, cudaStream_t stream) {
                 if (keeps)
                   check(cudaMemcpyAsync(to + begin * sizeof(float), x, count * sizeof(float),
                                         cudaMemcpyDeviceToDevice, stream),
                         "cudaMemcpyAsync");
                 launch(array, begin, count, static_cast<const float*>(x), stream);
               });
    if (keeps) to += lengths_[array] * sizeof(float);
  }
  is_filled_ = !session_.cancelled();
}

}  // namespace modelpress

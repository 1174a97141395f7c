#include <algorithm>
#include <cstring>
#include <vector>

#include "bitmask.cuh"
#include "launch.h"
#include "operations.h"
#include "pipeline.h"
#include "settings.h"

namespace modelpress {
namespace {

// A call: its bytes in chunks of whole tiles, what lies in which, and where the values of each tile begin.
template <class T>
struct BitmaskCall {
  BitRows rows;
  size_t bytes, chunk_bytes;
  CudaArray elements, bitmask, values;
  std::vector<uint64_t> starts;  // of every tile, and in the end how many values there are

  BitmaskCall(CudaArray x, uint64_t n, uint64_t columns, CudaArray mask, CudaArray stored)
      : rows{columns, (columns + 7) / 8},
        bytes(n / columns * rows.row_bytes),
        chunk_bytes(x.on_device != 0 ? (bytes + kTile - 1) / kTile * kTile
                                     : std::max(kTile, kChunkBytes / (8 * sizeof(T)) / kTile * kTile)),
        elements(x),
        bitmask(mask),
        values(stored) {}

  size_t chunks() const { return (bytes + chunk_bytes - 1) / chunk_bytes; }
  size_t first_tile(size_t chunk) const { return chunk * chunk_bytes / kTile; }
  ByteRange range(size_t chunk) const {
    return {chunk * chunk_bytes, std::min(chunk_bytes, bytes - chunk * chunk_bytes)};
  }
  size_t element_bytes(size_t chunk) const {
    const auto [first, count] = range(chunk);
    return (rows.element_of(first + count) - rows.element_of(first)) * sizeof(T);
  }
  char* element_data(size_t chunk) const {
    return static_cast<char*>(elements.data) + rows.element_of(range(chunk).first) * sizeof(T);
  }
  char* mask_data(size_t chunk) const { return static_cast<char*>(bitmask.data) + range(chunk).first; }
  uint64_t first_value(size_t chunk) const { return starts[first_tile(chunk)]; }
  uint64_t end_value(size_t chunk) const {
    return starts[std::min(starts.size() - 1, first_tile(chunk) + chunk_bytes / kTile)];
  }
  bool on_device() const { return elements.on_device != 0; }

  // Fills in starts: launch counts the tiles of one chunk.
  template <class Launch>
  void count(const Session& session, const std::function<size_t(size_t)>& bytes_in,
             const std::function<void(size_t, char*)>& stage, const Launch& launch_count) {
    const size_t tiles = (bytes + kTile - 1) / kTile;
    auto* const counts = static_cast<uint32_t*>(session->results.reserve((tiles + 1) * sizeof(uint32_t)));
    run_chunks(session, {chunks(),
                         bytes_in,
                         [](size_t) { return size_t{0}; },
                         stage,
                         [&](size_t chunk, const char* in, char*, cudaStream_t stream) {
                           launch_count(chunk, in, counts + first_tile(chunk), stream);
                         },
                         {}});
    std::vector<uint32_t> found(tiles);
    if (tiles > 0) copy_to_host(found.data(), counts, tiles * sizeof(uint32_t));
    starts.assign(1, 0);
    for (const uint32_t own : found) starts.push_back(starts.back() + own);
  }

  const uint64_t* starts_on_device(const Session& session) const {
    const size_t size = starts.size() * sizeof(uint64_t);
    void* const memory = session->parameters.reserve(size);
    copy_to_device(memory, starts.data(), size);
    return static_cast<const uint64_t*>(memory);
  }
};

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

template <class T>
void pack(const Session& session, BitmaskCall<T> own, uint64_t room, double* stored) {
  const auto bytes_in = [&](size_t chunk) { return own.on_device() ? 0 : own.element_bytes(chunk); };
  const auto stage = [&](size_t chunk, char* staged) {
    std::memcpy(staged, own.element_data(chunk), own.element_bytes(chunk));
  };
  const auto elements = [&](size_t chunk, const char* in) {
    return reinterpret_cast<const T*>(own.on_device() ? own.element_data(chunk) : in);
  };
  own.count(session, bytes_in, stage, [&](size_t chunk, const char* in, uint32_t* counts, cudaStream_t s) {
    launch_blocks(count_elements<T>, own.range(chunk).count, kTile, s, elements(chunk, in), own.rows,
                  own.range(chunk), counts);
  });
  if (session.cancelled()) return;
  *stored = static_cast<double>(own.starts.back());
  const uint64_t* const starts = own.starts_on_device(session);
  const auto kept = [&](size_t chunk) {
    const uint64_t end = std::min(own.end_value(chunk), room);
    return static_cast<size_t>(end > own.first_value(chunk) ? end - own.first_value(chunk) : 0);
  };
  const auto values_at = [&](size_t chunk) { return aligned(own.range(chunk).count); };
  run_chunks(
      session,
      {own.chunks(), bytes_in,
       [&](size_t chunk) { return own.on_device() ? 0 : values_at(chunk) + kept(chunk) * sizeof(T); }, stage,
       [&](size_t chunk, const char* in, char* out, cudaStream_t s) {
         char* const mask = own.on_device() ? own.mask_data(chunk) : out;
         T* const values = reinterpret_cast<T*>(own.on_device() ? own.values.data : out + values_at(chunk));
         launch_blocks(pack_tiles<T>, own.range(chunk).count, kTile, s, elements(chunk, in), own.rows,
                       own.range(chunk), starts + own.first_tile(chunk), room,
                       reinterpret_cast<uint8_t*>(mask), values);
       },
       [&](size_t chunk, const char* staged) {
         std::memcpy(own.mask_data(chunk), staged, own.range(chunk).count);
         if (kept(chunk) > 0)
           std::memcpy(static_cast<T*>(own.values.data) + own.first_value(chunk), staged + values_at(chunk),
                       kept(chunk) * sizeof(T));
       }});
}

template <class T>
void unpack(const Session& session, BitmaskCall<T> own, uint64_t count, double* used) {
  const auto mask_bytes = [&](size_t chunk) { return own.on_device() ? 0 : own.range(chunk).count; };
  const auto mask = [&](size_t chunk, const char* in) {
    return reinterpret_cast<const uint8_t*>(own.on_device() ? own.mask_data(chunk) : in);
  };
  const auto stage_mask = [&](size_t chunk, char* staged) {
    std::memcpy(staged, own.mask_data(chunk), own.range(chunk).count);
  };
  own.count(session, mask_bytes, stage_mask,
            [&](size_t chunk, const char* in, uint32_t* counts, cudaStream_t s) {
              launch_blocks(count_bits, own.range(chunk).count, kTile, s, mask(chunk, in), own.rows,
                            own.range(chunk), counts);
            });
  if (session.cancelled()) return;
  *used = static_cast<double>(own.starts.back());
  if (own.starts.back() != count) return;
  const uint64_t* const starts = own.starts_on_device(session);
  const auto values_at = [&](size_t chunk) { return aligned(own.range(chunk).count); };
  const auto value_bytes = [&](size_t chunk) {
    return static_cast<size_t>(own.end_value(chunk) - own.first_value(chunk)) * sizeof(T);
  };
  const auto values = [&](size_t chunk) {
    return reinterpret_cast<const char*>(static_cast<const T*>(own.values.data) + own.first_value(chunk));
  };
  run_chunks(session,
             {own.chunks(),
              [&](size_t chunk) { return own.on_device() ? 0 : values_at(chunk) + value_bytes(chunk); },
              [&](size_t chunk) { return own.on_device() ? 0 : own.element_bytes(chunk); },
              [&](size_t chunk, char* staged) {
                stage_mask(chunk, staged);
                if (value_bytes(chunk) > 0)
                  std::memcpy(staged + values_at(chunk), values(chunk), value_bytes(chunk));
              },
              [&](size_t chunk, const char* in, char* out, cudaStream_t s) {
                const char* const from = own.on_device() ? values(chunk) : in + values_at(chunk);
                char* const y = own.on_device() ? own.element_data(chunk) : out;
                launch_blocks(unpack_tiles<T>, own.range(chunk).count, kTile, s, mask(chunk, in), own.rows,
                              own.range(chunk), starts + own.first_tile(chunk),
                              reinterpret_cast<const T*>(from), reinterpret_cast<T*>(y));
              },
              [&](size_t chunk, const char* staged) {
                std::memcpy(own.element_data(chunk), staged, own.element_bytes(chunk));
              }});
}

// Calls use(a value of the elements' type): bits, whatever they stand for.
template <class Use>
void with_width(int32_t width, const Use& use) {
  if (width == 1) return use(uint8_t{});
  if (width == 2) return use(uint16_t{});
  use(uint32_t{});
}

}  // namespace

int32_t cuda_pack_bitmask(CudaCall* call, CudaArray x, CudaArray bitmask, CudaArray values, int32_t width,
                          uint64_t n, uint64_t columns, uint64_t room, double* stored) {
  return guarded(call, [&] {
    const Session session(call);
    with_width(width, [&](auto zero) {
      pack(session, BitmaskCall<decltype(zero)>(x, n, columns, bitmask, values), room, stored);
    });
  });
}

int32_t cuda_unpack_bitmask(CudaCall* call, CudaArray bitmask, CudaArray values, CudaArray y, int32_t width,
                            uint64_t n, uint64_t columns, uint64_t count, double* used) {
  return guarded(call, [&] {
    const Session session(call);
    with_width(width, [&](auto zero) {
      unpack(session, BitmaskCall<decltype(zero)>(y, n, columns, bitmask, values), count, used);
    });
  });
}

}  // namespace modelpress

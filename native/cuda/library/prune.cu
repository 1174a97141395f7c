#include <algorithm>
#include <vector>

#include "launch.h"
#include "operations.h"
#include "scan.cuh"
#include "select.h"

namespace modelpress {
namespace {

__device__ inline int32_t magnitude_of(int32_t bits) { return bits & 0x7fffffff; }

// Floats as their bits, so that a NaN comes through as it is.
__global__ void prune_magnitudes(const int32_t* x, int32_t* y, size_t n, int32_t limit) {
  for_each_unit(n, [=](size_t i) { y[i] = magnitude_of(x[i]) <= limit ? 0 : x[i]; });
}

// What a block counts and ranks at a time; each thread has neighbours.
constexpr size_t kTile = kRangeMultiple;
constexpr size_t kNeighbours = kTile / kThreads;

__global__ void count_equals(const int32_t* x, size_t n, int32_t magnitude, uint32_t* counts) {
  __shared__ uint32_t count;
  for (size_t tile = blockIdx.x; tile * kTile < n; tile += gridDim.x) {
    if (threadIdx.x == 0) count = 0;
    __syncthreads();
    uint32_t own = 0;
    const size_t end = min((tile + 1) * kTile, n);
    for (size_t i = tile * kTile + threadIdx.x; i < end; i += blockDim.x)
      own += magnitude_of(x[i]) == magnitude ? 1 : 0;
    if (own > 0) atomicAdd(&count, own);
    __syncthreads();
    if (threadIdx.x == 0) counts[tile] = count;
    __syncthreads();
  }
}

// Of those equal to magnitude the first quotas[tile] of each tile go.
__global__ void prune_tied(const int32_t* x, int32_t* y, size_t n, int32_t magnitude,
                           const uint32_t* quotas) {
  __shared__ uint32_t sums[kThreads];
  for (size_t tile = blockIdx.x; tile * kTile < n; tile += gridDim.x) {
    const size_t begin = min(tile * kTile + threadIdx.x * kNeighbours, n);
    const size_t end = min(begin + kNeighbours, n);
    uint32_t own = 0;
    for (size_t i = begin; i < end; ++i) own += magnitude_of(x[i]) == magnitude ? 1 : 0;
    uint32_t rank = sum_before(own, sums);
    for (size_t i = begin; i < end; ++i) {
      const int32_t value = x[i];
      const bool is_equal = magnitude_of(value) == magnitude;
      const bool goes = magnitude_of(value) < magnitude || (is_equal && rank < quotas[tile]);
      if (is_equal) ++rank;
      y[i] = goes ? 0 : value;
    }
  }
}

// A thread has a group, of elements `inner` apart.
constexpr int kMaxGroup = 64;
__global__ void prune_groups(const int32_t* x, int32_t* y, size_t groups, int keep, int of, size_t inner) {
  for_each_unit(groups, [=](size_t group) {
    const size_t first = group / inner * inner * of + group % inner;
    int32_t values[kMaxGroup];
    for (int i = 0; i < of; ++i) values[i] = x[first + i * inner];
    for (int i = 0; i < of; ++i) {
      const int32_t own = magnitude_of(values[i]);
      int larger = 0;  // or equal and further on
      for (int j = 0; j < of; ++j) {
        const int32_t other = magnitude_of(values[j]);
        larger += other > own || (j > i && other == own) ? 1 : 0;
      }
      y[first + i * inner] = larger < keep ? values[i] : 0;
    }
  });
}

size_t tiles_of(size_t n) { return (n + kTile - 1) / kTile; }

// For each tile, how many of its equals go, if `count` of all go: the first ones.
void set_quotas(const Session& session, Resident& x, int32_t magnitude, size_t count, uint32_t* on_device,
                size_t tiles) {
  std::vector<size_t> starts;
  size_t before = 0;
  for (size_t i = 0; i < x.count(); ++i) {
    starts.push_back(before);
    before += tiles_of(x.length(i));
  }
  x.read([&](size_t array, size_t begin, size_t n, const float* from, cudaStream_t stream) {
    launch_blocks(count_equals, n, kTile, stream, reinterpret_cast<const int32_t*>(from), n, magnitude,
                  on_device + starts[array] + begin / kTile);
  });
  if (session.cancelled()) return;
  std::vector<uint32_t> quotas(tiles);
  copy_to_host(quotas.data(), on_device, tiles * sizeof(uint32_t));
  for (uint32_t& quota : quotas) {
    quota = static_cast<uint32_t>(std::min<size_t>(quota, count));
    count -= quota;
  }
  copy_to_device(on_device, quotas.data(), tiles * sizeof(uint32_t));
}

void prune_to(const Session& session, const Stream& x, const Stream& y, size_t n, int32_t limit) {
  run_ranges(session, x, y, n, [=](size_t, size_t count, const void* from, void* to, cudaStream_t stream) {
    launch(prune_magnitudes, count, stream, static_cast<const int32_t*>(from), static_cast<int32_t*>(to),
           count, limit);
  });
}

void prune_first(const Session& session, Resident& x, const CudaArray* y, int32_t magnitude, size_t count) {
  size_t tiles = 0;
  for (size_t i = 0; i < x.count(); ++i) tiles += tiles_of(x.length(i));
  auto* const quotas = static_cast<uint32_t*>(session->parameters.reserve(tiles * sizeof(uint32_t)));
  set_quotas(session, x, magnitude, count, quotas, tiles);
  const uint32_t* own = quotas;
  for (size_t i = 0; i < x.count(); ++i) {
    run_ranges(session, x.at(i), {y[i], 32}, x.length(i),
               [=](size_t begin, size_t n, const void* from, void* to, cudaStream_t stream) {
                 launch_blocks(prune_tied, n, kTile, stream, static_cast<const int32_t*>(from),
                               static_cast<int32_t*>(to), n, magnitude, own + begin / kTile);
               });
    own += tiles_of(x.length(i));
  }
}

}  // namespace

int32_t cuda_prune_magnitude(CudaCall* call, const CudaArray* x, const CudaArray* y, const uint64_t* lengths,
                             uint64_t count, uint64_t k) {
  return guarded(call, [&] {
    const Session session(call);
    Resident arrays(session, x, lengths, count);
    KthMagnitude kth = {-1, 0, 0};
    if (k > 0) kth = find_kth(session, arrays, k);
    if (session.cancelled()) return;
    if (k - kth.below < kth.equals) return prune_first(session, arrays, y, kth.magnitude, k - kth.below);
    for (size_t i = 0; i < count; ++i) prune_to(session, arrays.at(i), {y[i], 32}, lengths[i], kth.magnitude);
  });
}

int32_t cuda_prune_to_threshold(CudaCall* call, const CudaArray* x, const CudaArray* y,
                                const uint64_t* lengths, uint64_t count, int32_t limit) {
  return guarded(call, [&] {
    const Session session(call);
    for (size_t i = 0; i < count; ++i) prune_to(session, {x[i], 32}, {y[i], 32}, lengths[i], limit);
  });
}

int32_t cuda_prune_nm(CudaCall* call, CudaArray x, CudaArray y, uint64_t n, int32_t keep, int32_t of,
                      uint64_t inner) {
  return guarded(call, [&] {
    const Session session(call);
    const size_t group = static_cast<size_t>(of);
    const auto prune = [=](size_t, size_t count, const void* from, void* to, cudaStream_t stream) {
      launch(prune_groups, count / group, stream, static_cast<const int32_t*>(from),
             static_cast<int32_t*>(to), count / group, keep, of, static_cast<size_t>(inner));
    };
    run_ranges(session, {x, 32}, {y, 32}, n, prune, group * inner);
  });
}

}  // namespace modelpress

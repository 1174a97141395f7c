#include <vector>

#include "launch.h"
#include "operations.h"
#include "select.h"

namespace modelpress {
namespace {

// The 31 bits of a magnitude, from the upper ones on.
struct Digit {
  int shift, bits;
};
constexpr Digit kDigits[] = {{20, 11}, {10, 10}, {0, 10}};
constexpr size_t kMaxBins = 1 << 11;

using Count = unsigned long long;  // what atomicAdd has

__global__ void clear(Count* counts, size_t n) {
  for_each_unit(n, [=](size_t i) { counts[i] = 0; });
}

// Of the magnitudes whose digits before this one are `prefix`.
__global__ void count_digits(const float* x, size_t n, Digit digit, uint32_t prefix, Count* counts) {
  __shared__ uint32_t own[kMaxBins];
  const uint32_t bins = 1u << digit.bits;
  for (uint32_t bin = threadIdx.x; bin < bins; bin += blockDim.x) own[bin] = 0;
  __syncthreads();
  for_each_unit(n, [=](size_t i) {
    const uint32_t shifted = (__float_as_uint(x[i]) & 0x7fffffff) >> digit.shift;
    if (shifted >> digit.bits == prefix) atomicAdd(&own[shifted & (bins - 1)], 1u);
  });
  __syncthreads();
  for (uint32_t bin = threadIdx.x; bin < bins; bin += blockDim.x)
    if (own[bin] > 0) atomicAdd(&counts[bin], static_cast<Count>(own[bin]));
}

std::vector<Count> counts_of(const Session& session, Resident& arrays, Digit digit, uint32_t prefix) {
  const size_t bins = size_t{1} << digit.bits;
  auto* const counts = static_cast<Count*>(session->results.reserve(kMaxBins * sizeof(Count)));
  const cudaStream_t stream = session->slot(0).stream;
  launch(clear, bins, stream, counts, bins);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  arrays.read([=](size_t, size_t, size_t count, const float* x, cudaStream_t s) {
    launch(count_digits, count, s, x, count, digit, prefix, counts);
  });
  std::vector<Count> found(bins);
  copy_to_host(found.data(), counts, bins * sizeof(Count));
  return found;
}

}  // namespace

KthMagnitude find_kth(const Session& session, Resident& arrays, size_t k) {
  KthMagnitude kth = {0, 0, 0};
  uint32_t prefix = 0;
  for (const Digit digit : kDigits) {
    const std::vector<Count> counts = counts_of(session, arrays, digit, prefix);
    if (session.cancelled()) return kth;
    uint32_t bin = 0;
    for (; bin + 1 < counts.size() && kth.below + counts[bin] < k; ++bin) kth.below += counts[bin];
    prefix = prefix << digit.bits | bin;
    kth.equals = counts[bin];
  }
  kth.magnitude = static_cast<int32_t>(prefix);
  return kth;
}

int32_t cuda_magnitude_threshold(CudaCall* call, const CudaArray* x, const uint64_t* lengths, uint64_t count,
                                 uint64_t k, int32_t* magnitude) {
  return guarded(call, [&] {
    const Session session(call);
    Resident arrays(session, x, lengths, count);
    *magnitude = find_kth(session, arrays, k).magnitude;
  });
}

}  // namespace modelpress

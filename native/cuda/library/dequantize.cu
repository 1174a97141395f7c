#include "elements.cuh"
#include "launch.h"
#include "operations.h"
#include "parameters.cuh"
#include "pipeline.h"

namespace modelpress {
namespace {

// How elements lie in memory; 4-bit ones two to a byte, the first in the low half.
template <class Q>
struct Whole {
  __device__ static int32_t load(const void* x, size_t i) { return static_cast<const Q*>(x)[i]; }
};
struct UnsignedHalf {
  __device__ static int32_t load(const void* x, size_t i) {
    return static_cast<const uint8_t*>(x)[i / 2] >> (i % 2 * 4) & 15;
  }
};
struct SignedHalf {
  __device__ static int32_t load(const void* x, size_t i) { return (UnsignedHalf::load(x, i) ^ 8) - 8; }
};

template <class Q, class Parameters>
__global__ void dequantize_elements(const void* x, void* y, int32_t y_type, size_t n, Parameters parameters) {
  for_each_unit(n, [=](size_t i) {
    const size_t at = parameters.index_of(i);
    const int32_t steps = Q::load(x, i) - parameters.zero_point_of(at);
    store_float(y, y_type, i, static_cast<float>(steps) * parameters.scale_of(at));
  });
}

template <class Q>
void dequantize_range(const Session& session, const DeviceParameters& parameters, const Stream& x,
                      const Stream& y, int32_t y_type, size_t n) {
  run_ranges(session, x, y, n,
             [&](size_t begin, size_t count, const void* from, void* to, cudaStream_t stream) {
               parameters.with_range(begin, count, [&](const auto& own) {
                 using Parameters = std::decay_t<decltype(own)>;
                 launch(dequantize_elements<Q, Parameters>, count, stream, from, to, y_type, count, own);
               });
             });
}

void dequantize_as(const Session& session, const DeviceParameters& parameters, const Stream& x,
                   int32_t x_type, const Stream& y, int32_t y_type, size_t n) {
  switch (x_type) {
    case kInt4:
      return dequantize_range<SignedHalf>(session, parameters, x, y, y_type, n);
    case kUint4:
      return dequantize_range<UnsignedHalf>(session, parameters, x, y, y_type, n);
    case kInt8:
      return dequantize_range<Whole<int8_t>>(session, parameters, x, y, y_type, n);
    case kUint8:
      return dequantize_range<Whole<uint8_t>>(session, parameters, x, y, y_type, n);
    case kInt16:
      return dequantize_range<Whole<int16_t>>(session, parameters, x, y, y_type, n);
    case kUint16:
      return dequantize_range<Whole<uint16_t>>(session, parameters, x, y, y_type, n);
    default:
      return dequantize_range<Whole<int32_t>>(session, parameters, x, y, y_type, n);
  }
}

}  // namespace

int32_t cuda_dequantize_linear(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type,
                               uint64_t n, const CudaParameters* parameters) {
  return guarded(call, [&] {
    const Session session(call);
    const DeviceParameters own(session, *parameters);
    dequantize_as(session, own, {x, bits_of(x_type)}, x_type, {y, bits_of(y_type)}, y_type, n);
  });
}

}  // namespace modelpress

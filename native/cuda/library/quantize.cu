#include <cmath>

#include "../../quantize/dynamic_params.h"
#include "elements.cuh"
#include "launch.h"
#include "minmax.h"
#include "operations.h"
#include "parameters.cuh"

namespace modelpress {
namespace {

template <class Q>
struct Limits;
template <>
struct Limits<int8_t> {
  static constexpr int32_t kMin = -128, kMax = 127;
};
template <>
struct Limits<uint8_t> {
  static constexpr int32_t kMin = 0, kMax = 255;
};
template <>
struct Limits<int16_t> {
  static constexpr int32_t kMin = -32768, kMax = 32767;
};
template <>
struct Limits<uint16_t> {
  static constexpr int32_t kMin = 0, kMax = 65535;
};

// 1.5 * 2^23: a float32 sum with it has no fraction bits, so the sum is already rounded, ties to even.
constexpr float kRound = 12582912.0f;

template <class Q>
__device__ inline int32_t quantize(float x, float scale, int32_t zero_point) {
  const float lo = static_cast<float>(Limits<Q>::kMin - zero_point);
  const float hi = static_cast<float>(Limits<Q>::kMax - zero_point);
  float v = x / scale;  // a multiplication by 1 / scale would round twice
  v = v > lo ? v : lo;  // NaN compares false: lo
  v = v < hi ? v : hi;
  return static_cast<int32_t>((v + kRound) - kRound) + zero_point;
}

template <class Q, class Parameters>
__global__ void quantize_elements(const void* x, int32_t x_type, Q* y, size_t n, Parameters parameters) {
  for_each_unit(n, [=](size_t i) {
    const size_t at = parameters.index_of(i);
    y[i] = static_cast<Q>(
        quantize<Q>(load_float(x, x_type, i), parameters.scale_of(at), parameters.zero_point_of(at)));
  });
}

// As values of 8 bits, which are then saturated to four. A thread has both values of a byte.
template <class Q, class Parameters>
__global__ void quantize_pairs(const void* x, int32_t x_type, uint8_t* y, size_t n, Parameters parameters) {
  const int32_t lo = Limits<Q>::kMin < 0 ? -8 : 0;
  for_each_unit((n + 1) / 2, [=](size_t pair) {
    uint32_t byte = 0;
    for (size_t i = 2 * pair; i < min(2 * pair + 2, n); ++i) {
      const size_t at = parameters.index_of(i);
      const int32_t q =
          quantize<Q>(load_float(x, x_type, i), parameters.scale_of(at), parameters.zero_point_of(at));
      byte |= (static_cast<uint32_t>(min(max(q, lo), lo + 15)) & 15u) << (i % 2 * 4);
    }
    y[pair] = static_cast<uint8_t>(byte);
  });
}

template <class Q>
void quantize_range(const Session& session, const DeviceParameters& parameters, const Stream& x,
                    int32_t x_type, const Stream& y, size_t n) {
  run_ranges(session, x, y, n,
             [&](size_t begin, size_t count, const void* from, void* to, cudaStream_t stream) {
               parameters.with_range(begin, count, [&](const auto& own) {
                 using Parameters = std::decay_t<decltype(own)>;
                 if (y.bits == 4)
                   launch(quantize_pairs<Q, Parameters>, (count + 1) / 2, stream, from, x_type,
                          static_cast<uint8_t*>(to), count, own);
                 else
                   launch(quantize_elements<Q, Parameters>, count, stream, from, x_type, static_cast<Q*>(to),
                          count, own);
               });
             });
}

void quantize_as(const Session& session, const DeviceParameters& parameters, const Stream& x, int32_t x_type,
                 const Stream& y, int32_t y_type, size_t n) {
  switch (y_type) {
    case kInt8:
    case kInt4:
      return quantize_range<int8_t>(session, parameters, x, x_type, y, n);
    case kUint8:
    case kUint4:
      return quantize_range<uint8_t>(session, parameters, x, x_type, y, n);
    case kInt16:
      return quantize_range<int16_t>(session, parameters, x, x_type, y, n);
    default:
      return quantize_range<uint16_t>(session, parameters, x, x_type, y, n);
  }
}

}  // namespace

int32_t cuda_quantize_linear(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type,
                             uint64_t n, const CudaParameters* parameters) {
  return guarded(call, [&] {
    const Session session(call);
    const DeviceParameters own(session, *parameters);
    quantize_as(session, own, {x, bits_of(x_type)}, x_type, {y, bits_of(y_type)}, y_type, n);
  });
}

int32_t cuda_dynamic_quantize_linear(CudaCall* call, CudaArray x, CudaArray y, uint64_t n, float* params) {
  return guarded(call, [&] {
    const Session session(call);
    const Stream from = {x, 32};
    const Range range = range_of(session, from, n);
    if (session.cancelled()) return;
    const DynamicParams found = dynamic_params(range.min, range.max);
    params[0] = range.min;
    params[1] = range.max;
    params[2] = found.scale;
    params[3] = static_cast<float>(found.zero_point);
    if (!std::isfinite(found.scale)) return;
    const CudaParameters uniform = {&found.scale, &found.zero_point, 1, n, 0, n, 1};
    quantize_as(session, DeviceParameters(session, uniform), from, kFloat32, {y, 8}, kUint8, n);
  });
}

}  // namespace modelpress

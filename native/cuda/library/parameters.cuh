// The scale and the zero point of an element.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

#include "check.h"
#include "context.h"

namespace modelpress {

struct UniformParameters {
  float scale;
  int32_t zero_point;

  __device__ float scale_of(size_t) const { return scale; }
  __device__ int32_t zero_point_of(size_t) const { return zero_point; }
  __device__ size_t index_of(size_t) const { return 0; }
};

// As CudaParameters. Where positions have 32 bits, their divisions take a third of the time.
template <class Position>
struct IndexedParameters {
  const float* scales;
  const int32_t* zero_points;
  uint64_t first_parameter;  // of the slice that the range begins in
  Position offset;           // of the range in that slice
  Position slice, slice_parameters, run, lanes;

  __device__ size_t index_of(size_t i) const {
    const Position at = static_cast<Position>(i) + offset;
    const Position in_slice = at % slice;
    return first_parameter + static_cast<size_t>(at / slice) * slice_parameters +
           static_cast<size_t>(in_slice / run) * lanes + in_slice % lanes;
  }
  __device__ float scale_of(size_t index) const { return scales[index]; }
  __device__ int32_t zero_point_of(size_t index) const { return zero_points[index]; }
};

// Parameters that were copied to the device.
struct DeviceParameters {
  CudaParameters layout;  // with pointers of the device

  DeviceParameters(const Session& session, const CudaParameters& parameters) : layout(parameters) {
    if (layout.count == 1) return;
    const size_t scale_bytes = layout.count * sizeof(float);
    const size_t aligned = (scale_bytes + 255) / 256 * 256;
    char* const memory =
        static_cast<char*>(session->parameters.reserve(aligned + layout.count * sizeof(int32_t)));
    layout.scales = reinterpret_cast<const float*>(memory);
    layout.zero_points = reinterpret_cast<const int32_t*>(memory + aligned);
    copy_to_device(memory, parameters.scales, scale_bytes);
    copy_to_device(memory + aligned, parameters.zero_points, layout.count * sizeof(int32_t));
  }

  // Calls use(parameters) for elements [begin, begin + n): their first one is 0 there.
  template <class Use>
  void with_range(size_t begin, size_t n, const Use& use) const {
    if (layout.count == 1) return use(UniformParameters{*layout.scales, *layout.zero_points});
    const uint64_t offset = begin % layout.slice;
    if (offset + n <= UINT32_MAX && layout.slice <= UINT32_MAX && layout.slice_parameters <= UINT32_MAX)
      return use(indexed<uint32_t>(begin, offset));
    use(indexed<uint64_t>(begin, offset));
  }

 private:
  template <class Position>
  IndexedParameters<Position> indexed(size_t begin, uint64_t offset) const {
    return {layout.scales,
            layout.zero_points,
            begin / layout.slice * layout.slice_parameters,
            static_cast<Position>(offset),
            static_cast<Position>(layout.slice),
            static_cast<Position>(layout.slice_parameters),
            static_cast<Position>(layout.run),
            static_cast<Position>(layout.lanes)};
  }
};

}  // namespace modelpress

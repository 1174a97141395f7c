// The border between the addon and the CUDA library, which are built by different compilers and may be of
// different releases: functions and structures of C only. Any change here is a new kCudaAbi.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

constexpr uint32_t kCudaAbi = 2;

// In host memory, or in memory that `allocate` gave.
struct CudaArray {
  void* data;
  int32_t on_device;
};

// What every operation is called with, and where it says why it failed: it then returns anything but 0.
struct CudaCall {
  // Set to anything but 0 by another thread to stop; null where nobody can.
  const int32_t* cancel;
  char failure[256];
};

struct CudaDevice {
  char name[256];
  uint64_t memory_bytes;
  // 0 where the driver does not tell.
  double bytes_per_second;
  int32_t capability_major, capability_minor;
};

// Milliseconds of the last call, by the device's own clock.
struct CudaTimes {
  double to_device, kernels, to_host;
};

// Element i takes parameter i / slice * slice_parameters + i % slice / run * lanes + i % lanes.
struct CudaParameters {
  const float* scales;
  const int32_t* zero_points;
  uint64_t count;
  uint64_t slice, slice_parameters, run, lanes;
};

// A matrix in blocks, as BlockwiseLayout of blockwise/kernels.h.
struct CudaBlocks {
  uint64_t rows, cols, block;
  int32_t bits, transposed;
};

// What the library exports. Element types have ONNX's numbers; what an operation computes is said in
// kernels.h. The arrays of one call are all in host memory, or all on the device.
struct CudaLibrary {
  uint32_t abi;
  // Of the backend.
  const char* name;
  // From here on, arrays in host memory are worth the way to the device.
  uint64_t least_bytes;

  int32_t (*open)(CudaCall*, CudaDevice*);
  int32_t (*allocate)(CudaCall*, uint64_t bytes, void** data);
  void (*release)(void* data);
  int32_t (*upload)(CudaCall*, const void* from, void* to, uint64_t bytes);
  int32_t (*download)(CudaCall*, const void* from, void* to, uint64_t bytes);
  CudaTimes (*times)();

  int32_t (*min_max)(CudaCall*, CudaArray x, uint64_t n, float* min_and_max);
  int32_t (*min_max_per_axis)(CudaCall*, CudaArray x, uint64_t n, uint64_t channels, uint64_t inner,
                              float* mins, float* maxs);
  int32_t (*quantize_linear)(CudaCall*, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type, uint64_t n,
                             const CudaParameters*);
  int32_t (*dequantize_linear)(CudaCall*, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type,
                               uint64_t n, const CudaParameters*);
  // params becomes [min, max, scale, zero point].
  int32_t (*dynamic_quantize_linear)(CudaCall*, CudaArray x, CudaArray y, uint64_t n, float* params);
  // From float32 to a type of 16 bits, or back.
  int32_t (*cast)(CudaCall*, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type, uint64_t n);
  // The bits of the k-th smallest magnitude of `count` arrays together.
  int32_t (*magnitude_threshold)(CudaCall*, const CudaArray* x, const uint64_t* lengths, uint64_t count,
                                 uint64_t k, int32_t* magnitude);
  int32_t (*prune_magnitude)(CudaCall*, const CudaArray* x, const CudaArray* y, const uint64_t* lengths,
                             uint64_t count, uint64_t k);
  int32_t (*prune_to_threshold)(CudaCall*, const CudaArray* x, const CudaArray* y, const uint64_t* lengths,
                                uint64_t count, int32_t limit);
  int32_t (*prune_nm)(CudaCall*, CudaArray x, CudaArray y, uint64_t n, int32_t keep, int32_t of,
                      uint64_t inner);
  // zero_points.data may be null.
  int32_t (*quantize_blockwise)(CudaCall*, CudaArray w, CudaArray packed, CudaArray scales,
                                CudaArray zero_points, const CudaBlocks*);
  int32_t (*dequantize_blockwise)(CudaCall*, CudaArray packed, CudaArray scales, CudaArray zero_points,
                                  CudaArray w, const CudaBlocks*);
  // Elements have `width` bytes; `room` of them fit into values. Stored becomes how many there are.
  int32_t (*pack_bitmask)(CudaCall*, CudaArray x, CudaArray bitmask, CudaArray values, int32_t width,
                          uint64_t n, uint64_t columns, uint64_t room, double* stored);
  // Used becomes how many bits are set; where that is not `count`, y stays as it is.
  int32_t (*unpack_bitmask)(CudaCall*, CudaArray bitmask, CudaArray values, CudaArray y, int32_t width,
                            uint64_t n, uint64_t columns, uint64_t count, double* used);
};

// The one symbol, "modelpress_cuda".
using CudaEntry = const CudaLibrary*();

}  // namespace modelpress

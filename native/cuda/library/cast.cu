#include "elements.cuh"
#include "launch.h"
#include "operations.h"
#include "pipeline.h"

namespace modelpress {
namespace {

__global__ void cast_elements(const void* x, int32_t x_type, void* y, int32_t y_type, size_t n) {
  for_each_unit(n, [=](size_t i) { store_float(y, y_type, i, load_float(x, x_type, i)); });
}

}  // namespace

int32_t cuda_cast(CudaCall* call, CudaArray x, int32_t x_type, CudaArray y, int32_t y_type, uint64_t n) {
  return guarded(call, [&] {
    const Session session(call);
    run_ranges(session, {x, bits_of(x_type)}, {y, bits_of(y_type)}, n,
               [=](size_t, size_t count, const void* from, void* to, cudaStream_t stream) {
                 launch(cast_elements, count, stream, from, x_type, to, y_type, count);
               });
  });
}

}  // namespace modelpress

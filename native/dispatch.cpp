#include "dispatch.h"

#include "cpu.h"

namespace modelpress {
namespace {

constexpr Kernels kScalar = [] {
  Kernels k{};
  k.min_max_f32 = scalar::min_max_f32;
  k.min_max_lanes_f32 = scalar::min_max_lanes_f32;
  k.quantize_linear_s8 = scalar::quantize_linear_s8;
  k.quantize_linear_u8 = scalar::quantize_linear_u8;
  k.quantize_linear_lanes_s8 = scalar::quantize_linear_lanes_s8;
  k.quantize_linear_lanes_u8 = scalar::quantize_linear_lanes_u8;
  k.dequantize_linear_s8 = scalar::dequantize_linear_s8;
  k.dequantize_linear_u8 = scalar::dequantize_linear_u8;
  k.dequantize_linear_s32 = scalar::dequantize_linear_s32;
  k.dequantize_linear_lanes_s8 = scalar::dequantize_linear_lanes_s8;
  k.dequantize_linear_lanes_u8 = scalar::dequantize_linear_lanes_u8;
  k.dequantize_linear_lanes_s32 = scalar::dequantize_linear_lanes_s32;
  return k;
}();

}  // namespace

std::vector<Backend> supported_backends() {
  std::vector<Backend> found;
  found.push_back({"scalar", &kScalar});
  return found;
}

}  // namespace modelpress

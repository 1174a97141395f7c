#pragma once

#include <vector>

#include "kernels.h"

namespace modelpress {

// One implementation of every kernel.
struct Kernels {
  MinMax* min_max_f32;
  MinMaxLanes* min_max_lanes_f32;
  Summarize<int8_t>* summarize_s8;
  Summarize<uint8_t>* summarize_u8;
  Summarize<int16_t>* summarize_s16;
  Summarize<uint16_t>* summarize_u16;
  Summarize<int32_t>* summarize_s32;
  Summarize<uint32_t>* summarize_u32;
  Summarize<int64_t>* summarize_s64;
  Summarize<uint64_t>* summarize_u64;
  Summarize<float>* summarize_f32;
  Summarize<double>* summarize_f64;
  QuantizeLinear<int8_t>* quantize_linear_s8;
  QuantizeLinear<uint8_t>* quantize_linear_u8;
  QuantizeLinear<int16_t>* quantize_linear_s16;
  QuantizeLinear<uint16_t>* quantize_linear_u16;
  QuantizeLinearLanes<int8_t>* quantize_linear_lanes_s8;
  QuantizeLinearLanes<uint8_t>* quantize_linear_lanes_u8;
  QuantizeLinearLanes<int16_t>* quantize_linear_lanes_s16;
  QuantizeLinearLanes<uint16_t>* quantize_linear_lanes_u16;
  DequantizeLinear<int8_t>* dequantize_linear_s8;
  DequantizeLinear<uint8_t>* dequantize_linear_u8;
  DequantizeLinear<int16_t>* dequantize_linear_s16;
  DequantizeLinear<uint16_t>* dequantize_linear_u16;
  DequantizeLinear<int32_t>* dequantize_linear_s32;
  DequantizeLinearLanes<int8_t>* dequantize_linear_lanes_s8;
  DequantizeLinearLanes<uint8_t>* dequantize_linear_lanes_u8;
  DequantizeLinearLanes<int16_t>* dequantize_linear_lanes_s16;
  DequantizeLinearLanes<uint16_t>* dequantize_linear_lanes_u16;
  DequantizeLinearLanes<int32_t>* dequantize_linear_lanes_s32;
  Cast<float, uint16_t>* float32_to_float16;
  Cast<uint16_t, float>* float16_to_float32;
  Cast<float, uint16_t>* float32_to_bfloat16;
  Cast<uint16_t, float>* bfloat16_to_float32;
  Pack4<int8_t>* pack_s4;
  Pack4<uint8_t>* pack_u4;
  Unpack4<int8_t>* unpack_s4;
  Unpack4<uint8_t>* unpack_u4;
  QuantizeGguf* quantize_gguf_q8_0;
  QuantizeGguf* quantize_gguf_q4_0;
  DequantizeGguf* dequantize_gguf_q8_0;
  DequantizeGguf* dequantize_gguf_q4_0;
  QuantizeBlockwise* quantize_blockwise;
  DequantizeBlockwise* dequantize_blockwise;
  FitBlockwise* fit_blockwise;
  Histogram* histogram_f32;
  CollectMagnitudes* collect_magnitudes_f32;
  CountMagnitudes* count_magnitudes_f32;
  PruneMagnitudes* prune_magnitudes_f32;
  PruneGroups* prune_groups_f32;
  PruneGroupLanes* prune_group_lanes_f32;
  CountNonzero<uint8_t>* count_nonzero_u8;
  CountNonzero<uint16_t>* count_nonzero_u16;
  CountNonzero<uint32_t>* count_nonzero_u32;
  PackBitmask<uint8_t>* pack_bitmask_u8;
  PackBitmask<uint16_t>* pack_bitmask_u16;
  PackBitmask<uint32_t>* pack_bitmask_u32;
  UnpackBitmask<uint8_t>* unpack_bitmask_u8;
  UnpackBitmask<uint16_t>* unpack_bitmask_u16;
  UnpackBitmask<uint32_t>* unpack_bitmask_u32;
  GatherNonzero* gather_nonzero_u32;
  NormSums* magnitude_sums_f32;
  NormSums* square_sums_f32;
  AccumulateGram* accumulate_gram_f32;
  AccumulateProducts* accumulate_products_f32;
  FactorRows* factor_rows_f64;
  SubtractRows* subtract_rows_f64;
  CompensateRounding* compensate_rounding_f32;
  FitKept* fit_kept_f64;
  CompensatePruning* compensate_pruning_f32;
};

struct Backend {
  const char* name;
  const Kernels* kernels;
};

// What this processor can run, best first, scalar last.
std::vector<Backend> supported_backends();

}  // namespace modelpress

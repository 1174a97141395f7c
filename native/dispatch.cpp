#include "dispatch.h"

#include "cpu.h"

namespace modelpress {
namespace {

constexpr Kernels kScalar = [] {
  Kernels k{};
  k.min_max_f32 = scalar::min_max_f32;
  k.min_max_lanes_f32 = scalar::min_max_lanes_f32;
  k.summarize_s8 = scalar::summarize_s8;
  k.summarize_u8 = scalar::summarize_u8;
  k.summarize_s16 = scalar::summarize_s16;
  k.summarize_u16 = scalar::summarize_u16;
  k.summarize_s32 = scalar::summarize_s32;
  k.summarize_u32 = scalar::summarize_u32;
  k.summarize_s64 = scalar::summarize_s64;
  k.summarize_u64 = scalar::summarize_u64;
  k.summarize_f32 = scalar::summarize_f32;
  k.summarize_f64 = scalar::summarize_f64;
  k.quantize_linear_s8 = scalar::quantize_linear_s8;
  k.quantize_linear_u8 = scalar::quantize_linear_u8;
  k.quantize_linear_s16 = scalar::quantize_linear_s16;
  k.quantize_linear_u16 = scalar::quantize_linear_u16;
  k.quantize_linear_lanes_s8 = scalar::quantize_linear_lanes_s8;
  k.quantize_linear_lanes_u8 = scalar::quantize_linear_lanes_u8;
  k.quantize_linear_lanes_s16 = scalar::quantize_linear_lanes_s16;
  k.quantize_linear_lanes_u16 = scalar::quantize_linear_lanes_u16;
  k.dequantize_linear_s8 = scalar::dequantize_linear_s8;
  k.dequantize_linear_u8 = scalar::dequantize_linear_u8;
  k.dequantize_linear_s16 = scalar::dequantize_linear_s16;
  k.dequantize_linear_u16 = scalar::dequantize_linear_u16;
  k.dequantize_linear_s32 = scalar::dequantize_linear_s32;
  k.dequantize_linear_lanes_s8 = scalar::dequantize_linear_lanes_s8;
  k.dequantize_linear_lanes_u8 = scalar::dequantize_linear_lanes_u8;
  k.dequantize_linear_lanes_s16 = scalar::dequantize_linear_lanes_s16;
  k.dequantize_linear_lanes_u16 = scalar::dequantize_linear_lanes_u16;
  k.dequantize_linear_lanes_s32 = scalar::dequantize_linear_lanes_s32;
  k.float32_to_float16 = scalar::float32_to_float16;
  k.float16_to_float32 = scalar::float16_to_float32;
  k.float32_to_bfloat16 = scalar::float32_to_bfloat16;
  k.bfloat16_to_float32 = scalar::bfloat16_to_float32;
  k.pack_s4 = scalar::pack_s4;
  k.pack_u4 = scalar::pack_u4;
  k.unpack_s4 = scalar::unpack_s4;
  k.unpack_u4 = scalar::unpack_u4;
  k.quantize_gguf_q8_0 = scalar::quantize_gguf_q8_0;
  k.quantize_gguf_q4_0 = scalar::quantize_gguf_q4_0;
  k.dequantize_gguf_q8_0 = scalar::dequantize_gguf_q8_0;
  k.dequantize_gguf_q4_0 = scalar::dequantize_gguf_q4_0;
  k.quantize_blockwise = scalar::quantize_blockwise;
  k.dequantize_blockwise = scalar::dequantize_blockwise;
  k.fit_blockwise = scalar::fit_blockwise;
  k.histogram_f32 = scalar::histogram_f32;
  k.collect_magnitudes_f32 = scalar::collect_magnitudes_f32;
  k.count_magnitudes_f32 = scalar::count_magnitudes_f32;
  k.prune_magnitudes_f32 = scalar::prune_magnitudes_f32;
  k.prune_groups_f32 = scalar::prune_groups_f32;
  k.prune_group_lanes_f32 = scalar::prune_group_lanes_f32;
  k.count_nonzero_u8 = scalar::count_nonzero_u8;
  k.count_nonzero_u16 = scalar::count_nonzero_u16;
  k.count_nonzero_u32 = scalar::count_nonzero_u32;
  k.pack_bitmask_u8 = scalar::pack_bitmask_u8;
  k.pack_bitmask_u16 = scalar::pack_bitmask_u16;
  k.pack_bitmask_u32 = scalar::pack_bitmask_u32;
  k.unpack_bitmask_u8 = scalar::unpack_bitmask_u8;
  k.unpack_bitmask_u16 = scalar::unpack_bitmask_u16;
  k.unpack_bitmask_u32 = scalar::unpack_bitmask_u32;
  k.gather_nonzero_u32 = scalar::gather_nonzero_u32;
  k.magnitude_sums_f32 = scalar::magnitude_sums_f32;
  k.square_sums_f32 = scalar::square_sums_f32;
  k.accumulate_gram_f32 = scalar::accumulate_gram_f32;
  k.accumulate_products_f32 = scalar::accumulate_products_f32;
  k.factor_rows_f64 = scalar::factor_rows_f64;
  k.subtract_rows_f64 = scalar::subtract_rows_f64;
  k.compensate_rounding_f32 = scalar::compensate_rounding_f32;
  k.fit_kept_f64 = scalar::fit_kept_f64;
  k.compensate_pruning_f32 = scalar::compensate_pruning_f32;
  return k;
}();

#if defined(__x86_64__) || defined(_M_X64)
constexpr Kernels kAvx2 = [] {
  Kernels k = kScalar;
  k.min_max_f32 = avx2::min_max_f32;
  k.min_max_lanes_f32 = avx2::min_max_lanes_f32;
  k.summarize_f32 = avx2::summarize_f32;
  k.quantize_linear_s8 = avx2::quantize_linear_s8;
  k.quantize_linear_u8 = avx2::quantize_linear_u8;
  k.quantize_linear_s16 = avx2::quantize_linear_s16;
  k.quantize_linear_u16 = avx2::quantize_linear_u16;
  k.quantize_linear_lanes_s8 = avx2::quantize_linear_lanes_s8;
  k.quantize_linear_lanes_u8 = avx2::quantize_linear_lanes_u8;
  k.quantize_linear_lanes_s16 = avx2::quantize_linear_lanes_s16;
  k.quantize_linear_lanes_u16 = avx2::quantize_linear_lanes_u16;
  k.dequantize_linear_s8 = avx2::dequantize_linear_s8;
  k.dequantize_linear_u8 = avx2::dequantize_linear_u8;
  k.dequantize_linear_s16 = avx2::dequantize_linear_s16;
  k.dequantize_linear_u16 = avx2::dequantize_linear_u16;
  k.dequantize_linear_s32 = avx2::dequantize_linear_s32;
  k.dequantize_linear_lanes_s8 = avx2::dequantize_linear_lanes_s8;
  k.dequantize_linear_lanes_u8 = avx2::dequantize_linear_lanes_u8;
  k.dequantize_linear_lanes_s16 = avx2::dequantize_linear_lanes_s16;
  k.dequantize_linear_lanes_u16 = avx2::dequantize_linear_lanes_u16;
  k.dequantize_linear_lanes_s32 = avx2::dequantize_linear_lanes_s32;
  k.float32_to_float16 = avx2::float32_to_float16;
  k.float16_to_float32 = avx2::float16_to_float32;
  k.float32_to_bfloat16 = avx2::float32_to_bfloat16;
  k.bfloat16_to_float32 = avx2::bfloat16_to_float32;
  k.pack_s4 = avx2::pack_s4;
  k.pack_u4 = avx2::pack_u4;
  k.unpack_s4 = avx2::unpack_s4;
  k.unpack_u4 = avx2::unpack_u4;
  k.quantize_gguf_q8_0 = avx2::quantize_gguf_q8_0;
  k.quantize_gguf_q4_0 = avx2::quantize_gguf_q4_0;
  k.dequantize_gguf_q8_0 = avx2::dequantize_gguf_q8_0;
  k.dequantize_gguf_q4_0 = avx2::dequantize_gguf_q4_0;
  k.quantize_blockwise = avx2::quantize_blockwise;
  k.dequantize_blockwise = avx2::dequantize_blockwise;
  k.fit_blockwise = avx2::fit_blockwise;
  k.histogram_f32 = avx2::histogram_f32;
  k.collect_magnitudes_f32 = avx2::collect_magnitudes_f32;
  k.prune_magnitudes_f32 = avx2::prune_magnitudes_f32;
  k.prune_groups_f32 = avx2::prune_groups_f32;
  k.prune_group_lanes_f32 = avx2::prune_group_lanes_f32;
  k.count_nonzero_u8 = avx2::count_nonzero_u8;
  k.count_nonzero_u16 = avx2::count_nonzero_u16;
  k.count_nonzero_u32 = avx2::count_nonzero_u32;
  k.pack_bitmask_u8 = avx2::pack_bitmask_u8;
  k.pack_bitmask_u16 = avx2::pack_bitmask_u16;
  k.pack_bitmask_u32 = avx2::pack_bitmask_u32;
  k.unpack_bitmask_u8 = avx2::unpack_bitmask_u8;
  k.unpack_bitmask_u16 = avx2::unpack_bitmask_u16;
  k.unpack_bitmask_u32 = avx2::unpack_bitmask_u32;
  k.gather_nonzero_u32 = avx2::gather_nonzero_u32;
  k.magnitude_sums_f32 = avx2::magnitude_sums_f32;
  k.square_sums_f32 = avx2::square_sums_f32;
  k.accumulate_gram_f32 = avx2::accumulate_gram_f32;
  k.accumulate_products_f32 = avx2::accumulate_products_f32;
  k.subtract_rows_f64 = avx2::subtract_rows_f64;
  k.compensate_rounding_f32 = avx2::compensate_rounding_f32;
  k.fit_kept_f64 = avx2::fit_kept_f64;
  k.compensate_pruning_f32 = avx2::compensate_pruning_f32;
  return k;
}();

// Only what computes while its data is in the cache gains from wider registers; the rest waits for memory,
// and quantizing in blocks was even slower.
constexpr Kernels kAvx512 = [] {
  Kernels k = kAvx2;
  k.quantize_linear_s8 = avx512::quantize_linear_s8;
  k.quantize_linear_u8 = avx512::quantize_linear_u8;
  k.quantize_linear_s16 = avx512::quantize_linear_s16;
  k.quantize_linear_u16 = avx512::quantize_linear_u16;
  k.quantize_linear_lanes_s8 = avx512::quantize_linear_lanes_s8;
  k.quantize_linear_lanes_u8 = avx512::quantize_linear_lanes_u8;
  k.quantize_linear_lanes_s16 = avx512::quantize_linear_lanes_s16;
  k.quantize_linear_lanes_u16 = avx512::quantize_linear_lanes_u16;
  k.dequantize_linear_s8 = avx512::dequantize_linear_s8;
  k.dequantize_linear_u8 = avx512::dequantize_linear_u8;
  k.dequantize_linear_s16 = avx512::dequantize_linear_s16;
  k.dequantize_linear_u16 = avx512::dequantize_linear_u16;
  k.dequantize_linear_s32 = avx512::dequantize_linear_s32;
  k.dequantize_linear_lanes_s8 = avx512::dequantize_linear_lanes_s8;
  k.dequantize_linear_lanes_u8 = avx512::dequantize_linear_lanes_u8;
  k.dequantize_linear_lanes_s16 = avx512::dequantize_linear_lanes_s16;
  k.dequantize_linear_lanes_u16 = avx512::dequantize_linear_lanes_u16;
  k.dequantize_linear_lanes_s32 = avx512::dequantize_linear_lanes_s32;
  k.quantize_blockwise = avx512::quantize_blockwise;
  return k;
}();
#endif

#if defined(__aarch64__) || defined(_M_ARM64)
constexpr Kernels kNeon = [] {
  Kernels k = kScalar;
  k.min_max_f32 = neon::min_max_f32;
  k.min_max_lanes_f32 = neon::min_max_lanes_f32;
  k.summarize_f32 = neon::summarize_f32;
  k.quantize_linear_s8 = neon::quantize_linear_s8;
  k.quantize_linear_u8 = neon::quantize_linear_u8;
  k.quantize_linear_s16 = neon::quantize_linear_s16;
  k.quantize_linear_u16 = neon::quantize_linear_u16;
  k.quantize_linear_lanes_s8 = neon::quantize_linear_lanes_s8;
  k.quantize_linear_lanes_u8 = neon::quantize_linear_lanes_u8;
  k.quantize_linear_lanes_s16 = neon::quantize_linear_lanes_s16;
  k.quantize_linear_lanes_u16 = neon::quantize_linear_lanes_u16;
  k.dequantize_linear_s8 = neon::dequantize_linear_s8;
  k.dequantize_linear_u8 = neon::dequantize_linear_u8;
  k.dequantize_linear_s16 = neon::dequantize_linear_s16;
  k.dequantize_linear_u16 = neon::dequantize_linear_u16;
  k.dequantize_linear_s32 = neon::dequantize_linear_s32;
  k.dequantize_linear_lanes_s8 = neon::dequantize_linear_lanes_s8;
  k.dequantize_linear_lanes_u8 = neon::dequantize_linear_lanes_u8;
  k.dequantize_linear_lanes_s16 = neon::dequantize_linear_lanes_s16;
  k.dequantize_linear_lanes_u16 = neon::dequantize_linear_lanes_u16;
  k.dequantize_linear_lanes_s32 = neon::dequantize_linear_lanes_s32;
  k.float32_to_float16 = neon::float32_to_float16;
  k.float16_to_float32 = neon::float16_to_float32;
  k.float32_to_bfloat16 = neon::float32_to_bfloat16;
  k.bfloat16_to_float32 = neon::bfloat16_to_float32;
  k.pack_s4 = neon::pack_s4;
  k.pack_u4 = neon::pack_u4;
  k.unpack_s4 = neon::unpack_s4;
  k.unpack_u4 = neon::unpack_u4;
  k.quantize_gguf_q8_0 = neon::quantize_gguf_q8_0;
  k.quantize_gguf_q4_0 = neon::quantize_gguf_q4_0;
  k.dequantize_gguf_q8_0 = neon::dequantize_gguf_q8_0;
  k.dequantize_gguf_q4_0 = neon::dequantize_gguf_q4_0;
  k.quantize_blockwise = neon::quantize_blockwise;
  k.dequantize_blockwise = neon::dequantize_blockwise;
  k.fit_blockwise = neon::fit_blockwise;
  k.histogram_f32 = neon::histogram_f32;
  k.collect_magnitudes_f32 = neon::collect_magnitudes_f32;
  k.prune_magnitudes_f32 = neon::prune_magnitudes_f32;
  k.prune_groups_f32 = neon::prune_groups_f32;
  k.prune_group_lanes_f32 = neon::prune_group_lanes_f32;
  k.count_nonzero_u8 = neon::count_nonzero_u8;
  k.count_nonzero_u16 = neon::count_nonzero_u16;
  k.count_nonzero_u32 = neon::count_nonzero_u32;
  k.pack_bitmask_u8 = neon::pack_bitmask_u8;
  k.pack_bitmask_u16 = neon::pack_bitmask_u16;
  k.pack_bitmask_u32 = neon::pack_bitmask_u32;
  k.unpack_bitmask_u8 = neon::unpack_bitmask_u8;
  k.unpack_bitmask_u16 = neon::unpack_bitmask_u16;
  k.unpack_bitmask_u32 = neon::unpack_bitmask_u32;
  k.gather_nonzero_u32 = neon::gather_nonzero_u32;
  k.magnitude_sums_f32 = neon::magnitude_sums_f32;
  k.square_sums_f32 = neon::square_sums_f32;
  k.accumulate_gram_f32 = neon::accumulate_gram_f32;
  k.accumulate_products_f32 = neon::accumulate_products_f32;
  k.subtract_rows_f64 = neon::subtract_rows_f64;
  k.compensate_rounding_f32 = neon::compensate_rounding_f32;
  k.fit_kept_f64 = neon::fit_kept_f64;
  k.compensate_pruning_f32 = neon::compensate_pruning_f32;
  return k;
}();
#endif

}  // namespace

std::vector<Backend> supported_backends() {
  std::vector<Backend> found;
#if defined(__x86_64__) || defined(_M_X64)
  if (cpu_has_avx512()) found.push_back({"avx512", &kAvx512});
  if (cpu_has_avx2()) found.push_back({"avx2", &kAvx2});
#elif defined(__aarch64__) || defined(_M_ARM64)
  found.push_back({"neon", &kNeon});  // part of the architecture
#endif
  found.push_back({"scalar", &kScalar});
  return found;
}

}  // namespace modelpress

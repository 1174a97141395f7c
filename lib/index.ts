export type { Backend, Operations } from "./backend.js";
export type { CudaDevice, CudaTimes } from "./backends/cuda.js";
export { backends, type UnavailableBackend, unavailableBackends } from "./backends/index.js";
export type { ActivationError } from "./calibrate/rounding-error.js";
export type { AsyncCallOptions, CallOptions } from "./call.js";
export { bfloat16ToFloat32, bfloat16ToFloat32Async } from "./cast/bfloat16-to-float32.js";
export { float16ToFloat32, float16ToFloat32Async } from "./cast/float16-to-float32.js";
export { float32ToBfloat16, float32ToBfloat16Async } from "./cast/float32-to-bfloat16.js";
export { float32ToFloat16, float32ToFloat16Async } from "./cast/float32-to-float16.js";
export type { CastOptions } from "./cast/options.js";
export type { CacheUse } from "./compress/calibration-cache.js";
export type {
  ActivationType,
  FloatChoice,
  NodeTreatment,
  QuantizeMode,
  QuantizeOptions,
  QuantizeResult,
  QuantizeSettings,
  TensorOverride,
} from "./compress/options.js";
export { type AppliedMasks, type ApplyMasksOptions, applyMasks } from "./compress/prune/apply-masks.js";
export { type ExportedMasks, type ExportMasksOptions, exportMasks } from "./compress/prune/export-masks.js";
export type {
  DenseTensor,
  PrunedLayer,
  PrunedSize,
  PruneOptions,
  PruneOverride,
  PruneResult,
  PruneScope,
  PruneScore,
  PruneStorage,
} from "./compress/prune/options.js";
export { pruneModel } from "./compress/prune/prune-model.js";
export {
  type PruneSensitivity,
  type PruneSensitivityOptions,
  pruneSensitivity,
} from "./compress/prune/prune-sensitivity.js";
export type { PruneRepair } from "./compress/prune/repair/repairs.js";
export type {
  MeasuredSensitivity,
  SensitivityCurve,
  SensitivityPoint,
} from "./compress/prune/sensitivity.js";
export { quantizeModel } from "./compress/quantize-model.js";
export type {
  ChannelScope,
  ChannelScore,
  PruneChannelsOptions,
  PruneChannelsResult,
  PrunedChannels,
  WholeLayers,
} from "./compress/structured/options.js";
export type { Target } from "./compress/target.js";
export type { BlockFormat, BlockSettings } from "./compress/weight-only/block-options.js";
export { type CompressedWeight, compressWeight } from "./compressed/compress-weight.js";
export { decompressWeight } from "./compressed/decompress-weight.js";
export type { WeightParameter } from "./compressed/layout.js";
export type { QuantizedFormat, SchemeName, WeightScheme } from "./compressed/scheme.js";
export type { TargetType } from "./convert/cast-tensor.js";
export { type ConvertOptions, type ConvertResult, convertModel } from "./convert/convert-model.js";
export type { OutputFormat } from "./convert/write-tensor-file.js";
export type { FeedLike } from "./data/check-feeds.js";
export type {
  DatasetSource,
  SampleLike,
  SampleSource,
  SamplesInMemory,
  TensorFileSource,
} from "./data/open-dataset.js";
export {
  cudaDevice,
  cudaTimes,
  type DeviceArray,
  DeviceBuffer,
  type DeviceOperations,
  deviceOperations,
} from "./device/device-buffer.js";
export * from "./errors.js";
export type { Verification } from "./files/checksums.js";
export type { MapOptions } from "./files/map-file.js";
export type { FileFormat } from "./files/recognize-format.js";
export type { ReplaceOptions } from "./files/replace-file.js";
export type { Float16ArrayLike, Float16Bits } from "./float-bits.js";
export { type VerifyGgufOptions, verifyGguf } from "./gguf/checksum.js";
export type { GgufEntry } from "./gguf/header.js";
export { type GgufFile, type GgufTensor, readGguf } from "./gguf/read.js";
export type { GgufType } from "./gguf/tensor-type.js";
export type { GgufArray, GgufItemType, GgufValue, GgufValueType } from "./gguf/value.js";
export { type GgufInput, type WriteGgufOptions, writeGguf } from "./gguf/write.js";
export type { DescribedValue, NodeSummary, ParameterCount, Quantization } from "./graph/inspect-model.js";
export { inspectModel, type ModelSummary } from "./graph/inspect-model.js";
export type { WeightError } from "./graph/weight-errors.js";
export { type HistogramOptions, histogram, histogramAsync } from "./histogram/histogram.js";
export {
  type ExplainedNode,
  type ExplainModelOptions,
  explainModel,
  type ModelExplanation,
} from "./lint/explain-model.js";
export type { Finding, FindingCode } from "./lint/finding.js";
export type { LeftPair } from "./lint/left-pairs.js";
export type { NodeRun } from "./lint/trace-nodes.js";
export {
  type MinMax,
  type MinMaxArrays,
  type MinMaxOptions,
  type MinMaxPerAxisOptions,
  minMax,
  minMaxAsync,
} from "./minmax/min-max.js";
export { type Summary, summarize, summarizeAsync } from "./minmax/summarize.js";
export type { NamedValues } from "./named-values.js";
export { type ChannelNormsOptions, channelNorms, channelNormsAsync } from "./norms/channel-norms.js";
export type { NormName } from "./norms/norm-name.js";
export { type NpyFile, readNpy } from "./npy/read-npy.js";
export { type NpzEntry, type NpzFile, readNpz } from "./npy/read-npz.js";
export { writeNpy } from "./npy/write-npy.js";
export { type WriteNpzOptions, writeNpz } from "./npy/write-npz.js";
export { type BytePart, type OnnxModel, readOnnx } from "./onnx/read.js";
export { type WriteOnnxOptions, writeOnnx } from "./onnx/write.js";
export {
  ELEMENT_TYPES,
  type ElementType,
  type FloatArray,
  type NarrowArray,
  type QuantizedArray,
} from "./operations/element-types.js";
export type { Execution } from "./operations/execution.js";
export type { OptimizeEvent } from "./optimize/events.js";
export { optimizeModel } from "./optimize/optimize-model.js";
export type { ExportLayout, OptimizeOptions, OptimizeResult } from "./optimize/options.js";
export { readReport } from "./optimize/read-report.js";
export type { MetricValue, Report, ReportLayer, ReportTrial } from "./optimize/report.js";
export { inspectPickle, type JudgedImport, type PickleSummary } from "./pickle/inspect-pickle.js";
export type { ImportJudgement } from "./pickle/judge-import.js";
export type { OnProgress, Progress } from "./progress.js";
export type { FloatArrays } from "./prune/arrays.js";
export {
  type MagnitudeHistogramOptions,
  magnitudeHistogram,
  magnitudeHistogramAsync,
} from "./prune/magnitude-histogram.js";
export { magnitudeThreshold, magnitudeThresholdAsync } from "./prune/magnitude-threshold.js";
export { type PruneBlocksOptions, pruneBlocks, pruneBlocksAsync } from "./prune/prune-blocks.js";
export { type PruneMagnitudeOptions, pruneMagnitude, pruneMagnitudeAsync } from "./prune/prune-magnitude.js";
export { type PruneNMOptions, pruneNM, pruneNMAsync } from "./prune/prune-nm.js";
export { type SparsitySchedule, sparsityAt } from "./prune/sparsity-at.js";
export type { BlockwiseLayout } from "./quantize/blockwise-layout.js";
export {
  type ComputeQuantParamsOptions,
  computeQuantParams,
  type QuantParams,
} from "./quantize/compute-quant-params.js";
export {
  type DequantizeBlockwiseOptions,
  dequantizeBlockwise,
  dequantizeBlockwiseAsync,
} from "./quantize/dequantize-blockwise.js";
export {
  type DequantizeGgufOptions,
  dequantizeGguf,
  dequantizeGgufAsync,
} from "./quantize/dequantize-gguf.js";
export {
  type DequantizeLinearDType,
  type DequantizeLinearOptions,
  dequantizeLinear,
  dequantizeLinearAsync,
} from "./quantize/dequantize-linear.js";
export {
  type DynamicQuantized,
  type DynamicQuantizeLinearOptions,
  dynamicQuantizeLinear,
  dynamicQuantizeLinearAsync,
} from "./quantize/dynamic-quantize-linear.js";
export { type FitBlockwiseOptions, fitBlockwise, fitBlockwiseAsync } from "./quantize/fit-blockwise.js";
export type { FloatDType, Floats } from "./quantize/float-elements.js";
export type { GgufBlockType } from "./quantize/gguf-block.js";
export type { LinearDType, LinearParams, ZeroPoints } from "./quantize/linear-params.js";
export {
  type BlockwiseArrays,
  type QuantizeBlockwiseOptions,
  quantizeBlockwise,
  quantizeBlockwiseAsync,
} from "./quantize/quantize-blockwise.js";
export { type QuantizeGgufOptions, quantizeGguf, quantizeGgufAsync } from "./quantize/quantize-gguf.js";
export {
  type QuantizedArrays,
  type QuantizeLinearDType,
  type QuantizeLinearOptions,
  quantizeLinear,
  quantizeLinearAsync,
} from "./quantize/quantize-linear.js";
export type { QuantizedDType } from "./quantize/quantized-type.js";
export { renderReport } from "./report/render-report.js";
export {
  type BenchmarkModelOptions,
  benchmarkModel,
  type ModelBenchmark,
} from "./runtime/benchmark-model.js";
export type { Accuracy } from "./runtime/class-tally.js";
export type { LayerComparison, NodeError } from "./runtime/compare-layers.js";
export { type CompareModelsOptions, compareModels, type ModelComparison } from "./runtime/compare-models.js";
export type { Latency } from "./runtime/latency.js";
export type { OutputComparison } from "./runtime/output-difference.js";
export { verifySafetensors } from "./safetensors/checksum.js";
export type { SafetensorsEntry } from "./safetensors/entry.js";
export { type IterateOptions, readSafetensors, type SafetensorsFile } from "./safetensors/read.js";
export { type WriteSafetensorsOptions, writeSafetensors } from "./safetensors/write.js";
export { type CountNonzeroOptions, countNonzero, countNonzeroAsync } from "./sparse/count-nonzero.js";
export { type FromCsrOptions, fromCsr, fromCsrAsync } from "./sparse/from-csr.js";
export {
  type Bitmask,
  type PackBitmaskOptions,
  packBitmask,
  packBitmaskAsync,
} from "./sparse/pack-bitmask.js";
export { type Csr, type ToCsrOptions, toCsr, toCsrAsync } from "./sparse/to-csr.js";
export {
  type PackedBitmask,
  type UnpackBitmaskOptions,
  unpackBitmask,
  unpackBitmaskAsync,
} from "./sparse/unpack-bitmask.js";
export type { ByteRegion, DeferredTensor, DType, Fill, Tensor, TypedArray } from "./tensor.js";
export type { CompressedGroup, CompressedSummary } from "./tensor-file/describe-compressed.js";
export {
  type InspectTensorsOptions,
  inspectTensors,
  type TensorDescription,
  type TensorFileSummary,
} from "./tensor-file/inspect-tensors.js";
export type { TensorStatistics } from "./tensor-file/tensor-statistics.js";

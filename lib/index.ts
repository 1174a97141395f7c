export type { Backend, QuantizedArray } from "./backend.js";
export { backends } from "./backends/index.js";
export type { NodeTreatment, QuantizeMode, QuantizeOptions, QuantizeResult } from "./compress/options.js";
export { quantizeModel } from "./compress/quantize-model.js";
export type { DatasetSource, SampleLike, SampleSource } from "./data/open-dataset.js";
export * from "./errors.js";
export { inspectModel, type ModelSummary } from "./graph/inspect-model.js";
export {
  type MinMax,
  type MinMaxArrays,
  type MinMaxOptions,
  type MinMaxPerAxisOptions,
  minMax,
} from "./minmax/min-max.js";
export { type OnnxModel, readOnnx } from "./onnx/read.js";
export { type WriteOnnxOptions, writeOnnx } from "./onnx/write.js";
export type { OnProgress, Progress } from "./progress.js";
export {
  type ComputeQuantParamsOptions,
  computeQuantParams,
  type QuantParams,
} from "./quantize/compute-quant-params.js";
export { type DequantizeGgufOptions, dequantizeGguf } from "./quantize/dequantize-gguf.js";
export {
  type DequantizeLinearDType,
  type DequantizeLinearOptions,
  dequantizeLinear,
} from "./quantize/dequantize-linear.js";
export {
  type DynamicQuantized,
  type DynamicQuantizeLinearOptions,
  dynamicQuantizeLinear,
} from "./quantize/dynamic-quantize-linear.js";
export type { GgufBlockType } from "./quantize/gguf-block.js";
export type { LinearParams } from "./quantize/linear-params.js";
export { type QuantizeGgufOptions, quantizeGguf } from "./quantize/quantize-gguf.js";
export {
  type QuantizeLinearDType,
  type QuantizeLinearOptions,
  quantizeLinear,
} from "./quantize/quantize-linear.js";
export type { QuantizedDType } from "./quantize/quantized-type.js";
export {
  type BenchmarkModelOptions,
  benchmarkModel,
  type ModelBenchmark,
} from "./runtime/benchmark-model.js";
export { type CompareModelsOptions, compareModels, type ModelComparison } from "./runtime/compare-models.js";
export type { Latency } from "./runtime/latency.js";
export type { OutputComparison } from "./runtime/output-difference.js";
export { readSafetensors, type SafetensorsFile } from "./safetensors/read.js";
export { type WriteSafetensorsOptions, writeSafetensors } from "./safetensors/write.js";
export type { DType, Tensor, TypedArray } from "./tensor.js";

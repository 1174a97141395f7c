export type { Backend, QuantizedArray } from "./backend.js";
export { backends } from "./backends/index.js";
export type { NodeTreatment, QuantizeMode, QuantizeOptions, QuantizeResult } from "./compress/options.js";
export { quantizeModel } from "./compress/quantize-model.js";
export * from "./errors.js";
export {
  type MinMax,
  type MinMaxArrays,
  type MinMaxOptions,
  type MinMaxPerAxisOptions,
  minMax,
} from "./minmax/min-max.js";
export {
  type ComputeQuantParamsOptions,
  computeQuantParams,
  type QuantParams,
} from "./quantize/compute-quant-params.js";
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
export type { LinearParams } from "./quantize/linear-params.js";
export {
  type QuantizeLinearDType,
  type QuantizeLinearOptions,
  quantizeLinear,
} from "./quantize/quantize-linear.js";
export type { QuantizedDType } from "./quantize/quantized-type.js";
export type { DType, Tensor, TypedArray } from "./tensor.js";

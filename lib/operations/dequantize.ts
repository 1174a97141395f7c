import type { ElementType, FloatArray, QuantizedArray } from "./element-types.js";
import type { Execution } from "./execution.js";

export interface DequantizeOperations<Result> {
  /** y[i] = float32(x[i] - zeroPoint) * scale, rounded once more where y has 16 bits; the zero point of int32 is 0. */
  dequantizeLinear(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scale: number,
    zeroPoint: number,
    ...execution: Execution
  ): Result;
  dequantizeLinearPerAxis(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
    ...execution: Execution
  ): Result;
  dequantizeLinearBlocked(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    size: number,
    inner: number,
    block: number,
    ...execution: Execution
  ): Result;
}

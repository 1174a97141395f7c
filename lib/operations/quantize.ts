import type { ElementType, FloatArray, QuantizedArray } from "./element-types.js";
import type { Execution } from "./execution.js";

export interface QuantizeOperations<Result> {
  /**
   * y[i] = saturate(roundHalfEven(x[i] / scale) + zeroPoint); NaN gives the smallest value of y's type. 4-bit values lie two to a
   * byte, the first in the low half; the high half after an odd number of them is 0.
   */
  quantizeLinear(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scale: number,
    zeroPoint: number,
    ...execution: Execution
  ): Result;
  quantizeLinearPerAxis(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
    ...execution: Execution
  ): Result;
  quantizeLinearBlocked(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    size: number,
    inner: number,
    block: number,
    ...execution: Execution
  ): Result;

  /**
   * quantizeLinear with the scale and zero point of x's own range, widened to hold 0. params becomes [min, max, scale, zero point];
   * where min and max are further apart than float32 can tell, or one is not finite, y stays as it is.
   */
  dynamicQuantizeLinear(
    x: Float32Array,
    y: Uint8Array,
    params: Float32Array,
    ...execution: Execution
  ): Result;
}

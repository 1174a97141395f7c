import type { TypedArray } from "../tensor.js";
import type { Execution } from "./execution.js";

export interface MinMaxOperations<Result> {
  /** Sets range to [min, max] of x. A NaN anywhere makes both NaN; zeros come out as +0. */
  minMax(x: Float32Array, range: Float32Array, ...execution: Execution): Result;

  /** The same for each channel. */
  minMaxPerAxis(
    x: Float32Array,
    mins: Float32Array,
    maxs: Float32Array,
    inner: number,
    ...execution: Execution
  ): Result;

  /**
   * Sets range to [min, max] of the values of x that are not NaN, zeros as +0, and counts to [zeros, NaNs]. Where there is no such
   * value, min is the largest of the type (infinity, where it has that) and max the smallest. range has the type of x.
   */
  summarize(x: TypedArray, range: TypedArray, counts: Float64Array, ...execution: Execution): Result;
}

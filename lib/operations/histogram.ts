import type { Execution } from "./execution.js";

export interface HistogramOperations<Result> {
  /**
   * Sets counts to the number of values in each of counts.length bins of equal width from min to max, by the rule of
   * numpy.histogram: the edge left of bin i is float32(i * step + min); the last bin holds max too. NaN and what lies outside is
   * not counted. Edges rise, and max - min is a finite float32.
   */
  histogram(x: Float32Array, min: number, max: number, counts: Float64Array, ...execution: Execution): Result;
}

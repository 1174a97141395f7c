import type { Execution } from "./execution.js";

export interface NormsOperations<Result> {
  /**
   * Sets norms to the sums of magnitudes (order 1), or the roots of the sums of squares (order 2), of the channels of x as [outer, channels,
   * inner], in float64: the sums of the runs of a channel, one after the other. A run, or each piece of 2^16 elements of one, is summed as
   * a row of pruneBlocks. A NaN has the bits 0x7ff8000000000000.
   */
  channelNorms(
    x: Float32Array,
    norms: Float64Array,
    inner: number,
    order: number,
    ...execution: Execution
  ): Result;
}

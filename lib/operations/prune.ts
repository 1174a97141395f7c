import type { Execution } from "./execution.js";

export interface PruneOperations<Result> {
  /**
   * Sets result[0] to the k-th smallest magnitude of all arrays together, k from 1 on: of the bits of float32 without the sign, so that
   * every NaN is above infinity.
   */
  magnitudeThreshold(
    x: readonly Float32Array[],
    k: number,
    result: Float32Array,
    ...execution: Execution
  ): Result;

  /**
   * Sets counts to how many magnitudes, as the bits of float32 without the sign, have each of the 2^15 values that their upper 15
   * bits can have; or, of those where these are `within`, from 0 on, each of the 2^16 of their lower bits. `within` -1: the former.
   */
  magnitudeHistogram(x: Float32Array, within: number, counts: Float64Array, ...execution: Execution): Result;

  /**
   * y = x with 0 in place of all but the `keep` largest magnitudes of each `of` neighbours, 2 to 64, along the middle of x as
   * [outer, size, inner]; of equals the first go. y may be x.
   */
  pruneNM(
    x: Float32Array,
    y: Float32Array,
    keep: number,
    of: number,
    inner: number,
    ...execution: Execution
  ): Result;

  /**
   * y = x, rows of `columns` elements, with 0 in place of the k blocks of blockRows x blockColumns whose elements have the smallest mean
   * magnitude (order 1) or square (order 2); of equals the first in row-major order go, and NaN is above infinity. Blocks at the ends
   * may be smaller. A block's sum is that of its rows, one after the other, in float64; a row's has 16 sums that take its elements in
   * turn, and are then added by halves, the second to the first. y may be x.
   */
  pruneBlocks(
    x: Float32Array,
    y: Float32Array,
    columns: number,
    blockRows: number,
    blockColumns: number,
    k: number,
    order: number,
    ...execution: Execution
  ): Result;

  /** y = x with 0 in place of the k smallest magnitudes; of equals the first go. Each array of y may be the one of x. */
  pruneMagnitude(
    x: readonly Float32Array[],
    y: readonly Float32Array[],
    k: number,
    ...execution: Execution
  ): Result;

  /** The same for every magnitude up to threshold, a float32. */
  pruneToThreshold(
    x: readonly Float32Array[],
    y: readonly Float32Array[],
    threshold: number,
    ...execution: Execution
  ): Result;
}

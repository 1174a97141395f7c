import type { Execution } from "./execution.js";

export interface LinalgOperations<Result> {
  /**
   * Adds to the upper triangle of gram, columns x columns, the products of every two columns of x, row after row in float64. A NaN
   * has the bits 0x7ff8000000000000.
   */
  accumulateGram(x: Float32Array, gram: Float64Array, columns: number, ...execution: Execution): Result;

  /**
   * Adds to products, outputs x columns, the products of every column of y with every one of x, row after row in float64. A NaN has
   * the bits 0x7ff8000000000000.
   */
  accumulateProducts(
    x: Float32Array,
    y: Float32Array,
    products: Float64Array,
    columns: number,
    ...execution: Execution
  ): Result;

  /**
   * Replaces the lower triangle of a, n x n and positive definite, by the M with M^T M = a, begun at the last row, in
   * float64. For another a the result is left open.
   */
  reversedCholesky(a: Float64Array, n: number, ...execution: Execution): Result;

  /**
   * Rounds the rows of w to steps in min..max, columns in the given order, each after what the errors of those before it
   * ask of it: (w + sum of m[i][j] * error[j] / m[i][i]) / scale + zero point. One scale and zero point for every `block`
   * columns of a row. All in float64; NaN becomes min, 0 stays 0; a step is stored as its lowest 8 bits.
   */
  compensateRounding(
    w: Float32Array,
    steps: Uint8Array,
    m: Float64Array,
    order: Int32Array,
    scales: Float32Array,
    zeroPoints: Int32Array,
    block: number,
    min: number,
    max: number,
    ...execution: Execution
  ): Result;

  /**
   * For each row of w, n columns wide, the solution of A w = products in the columns whose kept is not 0, and 0 in the others: A is
   * the symmetric matrix whose upper triangle gram holds, without the other columns. As reversedCholesky and two substitutions
   * have it, in float64.
   */
  fitKept(
    gram: Float64Array,
    products: Float64Array,
    kept: Uint8Array,
    w: Float32Array,
    n: number,
    ...execution: Execution
  ): Result;

  /**
   * Prunes the rows of w, groups of `of` columns in the given order: each weight is first moved by what the errors of those before
   * it ask of it, w + sum of m[i][j] * error[j] / m[i][i]. What then costs at most threshold, (weight * m[i][i])^2, goes, and so do
   * all but the `keep` that cost most in a group; kept says what went, and what goes whatever it costs. All in float64.
   */
  compensatePruning(
    w: Float32Array,
    kept: Uint8Array,
    pruned: Float32Array,
    costs: Float32Array,
    m: Float64Array,
    order: Int32Array,
    threshold: number,
    keep: number,
    of: number,
    ...execution: Execution
  ): Result;
}

import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

/**
 * Replaces the lower triangle of a symmetric positive definite matrix by the M with M^T M = a; what lies above the
 * diagonal is not read and stays. This is Cholesky's factorization begun at the last row, so that row i of M couples
 * variable i to those before it. In float64, in a fixed order: every backend gives the same bits.
 *
 * @param a n x n values, row after row
 * @throws RangeError if a is not square, or not positive definite; what it holds then is undefined
 */
export function reversedCholesky(a: Float64Array, options: CallOptions = {}): Float64Array {
  const n = Math.round(Math.sqrt(a.length));
  if (n === 0 || n * n !== a.length) throw outOfRange("a square matrix", "a.length", a.length);
  const factor = runCall(
    {
      elements: a.length * n,
      arrays: [a],
      run: (operations, ...execution) => operations.reversedCholesky(a, n, ...execution),
      result: () => a,
    },
    options,
  );
  for (let i = 0; i < n; i++)
    if (!(factor[i * n + i]! > 0))
      throw outOfRange("a positive definite matrix", "a", `row ${i}, which others leave nothing of`);
  return factor;
}

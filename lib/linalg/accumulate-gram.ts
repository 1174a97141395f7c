import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

/**
 * Adds to the upper triangle of `gram`, columns x columns, the products of every two columns summed over the rows of `x`
 * (X^T X), in float64: a product of two float32 values is exact there, and the sums are taken row after row, so that
 * every backend gives the same bits. What lies below the diagonal stays as it is; a NaN is the quiet one.
 *
 * @throws RangeError if gram is not square, or x does not hold whole rows.
 */
export function accumulateGram(x: Float32Array, gram: Float64Array, options: CallOptions = {}): Float64Array {
  const columns = Math.round(Math.sqrt(gram.length));
  if (columns * columns !== gram.length) throw outOfRange("a square matrix", "gram.length", gram.length);
  if (columns === 0 || x.length % columns !== 0)
    throw outOfRange(`a multiple of the ${columns} columns`, "x.length", x.length);
  return runCall(
    {
      elements: x.length * columns,
      arrays: [x, gram],
      run: (operations, ...execution) => operations.accumulateGram(x, gram, columns, ...execution),
      result: () => gram,
    },
    options,
  );
}

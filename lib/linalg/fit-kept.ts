import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

export interface FitKeptOptions extends CallOptions {
  /** A, columns x columns: the upper triangle of a symmetric positive definite matrix, as `accumulateGram` makes it. */
  gram: Float64Array;
  /** A right side for each output, outputs x columns, as `accumulateProducts` makes them. */
  products: Float64Array;
  /** Which columns an output may use, outputs x columns: not 0 for those. */
  kept: Uint8Array;
  /** Where the result goes. Default: a new array. */
  out?: Float32Array | undefined;
}

/**
 * The least squares solution of each output over the columns that it keeps, by the normal equations: the w with A w = b
 * there, and +0 elsewhere. By Cholesky's factorization from the last column on and two substitutions, in float64 and in a
 * fixed order: every backend gives the same bits. Outputs in turn that keep the same columns share the work.
 *
 * @throws RangeError if lengths do not agree, or the matrix is not positive definite over columns that an output keeps
 */
export function fitKept({ gram, products, kept, out, ...options }: FitKeptOptions): Float32Array {
  const columns = Math.round(Math.sqrt(gram.length));
  if (columns === 0 || columns * columns !== gram.length)
    throw outOfRange("a square matrix", "gram.length", gram.length);
  if (products.length % columns !== 0)
    throw outOfRange(`a multiple of the ${columns} columns`, "products.length", products.length);
  if (kept.length !== products.length)
    throw outOfRange(`length ${products.length}`, "kept", `length ${kept.length}`);
  const result = out ?? new Float32Array(products.length);
  if (result.length !== products.length)
    throw outOfRange(`length ${products.length}`, "out", `length ${result.length}`);
  runCall(
    {
      elements: products.length * columns,
      arrays: [gram, products, kept, result],
      run: (operations, ...execution) =>
        operations.fitKept(gram, products, kept, result, columns, ...execution),
      result: () => result,
    },
    options,
  );
  const bad = result.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw outOfRange(
      "a positive definite matrix",
      "gram",
      `one that gives output ${Math.floor(bad / columns)} no solution`,
    );
  return result;
}

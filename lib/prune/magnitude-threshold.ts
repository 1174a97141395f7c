import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { type FloatArrays, lengthOf, requireArrays } from "./arrays.js";
import { requireSparsity } from "./sparsity.js";

/**
 * The k-th smallest magnitude of x, or of several arrays together, where k is round(sparsity * number of values); 0 where k is 0. It is
 * exact, and x is neither sorted nor copied: a sample tells between which two values it lies, and one pass over all decides (after
 * Floyd and Rivest, Communications of the ACM 18, 1975). NaN counts as larger than infinity.
 *
 * @param sparsity the share of values whose magnitude is at most the result, 0 to 1; ties can make it more
 * @throws TypeError if x is not a Float32Array or a list of them, one is detached, or sparsity is not a number.
 * @throws RangeError if sparsity is not in 0..1, or the backend is not available.
 */
export function magnitudeThreshold(x: FloatArrays, sparsity: number, options: CallOptions = {}): number {
  return runCall(prepare(x, sparsity), options);
}

/** magnitudeThreshold off the event loop; leave the arrays as they are until the promise settles. */
export function magnitudeThresholdAsync(
  x: FloatArrays,
  sparsity: number,
  options: CallOptions & AsyncCallOptions = {},
): Promise<number> {
  return runCallAsync(() => prepare(x, sparsity), options);
}

function prepare(x: FloatArrays, sparsity: number): Call<number> {
  const arrays = requireArrays(x, "x");
  const elements = lengthOf(arrays);
  const k = requireSparsity(sparsity, elements);
  // Where nothing is to be found, the operation has a zero of its own.
  const searched = k > 0 ? arrays : [new Float32Array(1)];
  const result = new Float32Array(1);
  return {
    elements,
    jsUpTo: 192,
    arrays: [...searched, result],
    run: (operations, ...execution) =>
      operations.magnitudeThreshold(searched, Math.max(1, k), result, ...execution),
    result: () => result[0]!,
  };
}

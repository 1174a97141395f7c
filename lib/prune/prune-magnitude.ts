import { isSameArray, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type FloatArrays, lengthOf, requireArrays } from "./arrays.js";
import { requireSparsity } from "./sparsity.js";

interface Output<X extends FloatArrays> {
  /** Where the result goes: arrays as long as those of x, apart from them in memory or x itself. Default: new arrays. */
  out?: X | undefined;
}

/** Either how many values become 0, or up to which magnitude. */
export type PruneMagnitudeOptions<X extends FloatArrays = Float32Array> = CallOptions &
  Output<X> &
  (
    | {
        /** The share of values that become 0, from 0 to 1: round(sparsity * number of values), exactly. */
        sparsity: number;
        threshold?: undefined;
      }
    | {
        sparsity?: undefined;
        /** Values with a magnitude of at most this become 0. */
        threshold: number;
      }
  );

/**
 * x with zeros in place of the values of the smallest magnitude, of one array or of several together. With `sparsity` exactly
 * round(sparsity * number of values) become 0: of equal magnitudes those that come first, in the order of the arrays. With `threshold`
 * every magnitude up to it. A zero is +0, and NaN counts as larger than infinity. Zeros alone make no runtime faster: see the README.
 *
 * @example
 * pruneMagnitude(weights, { sparsity: 0.5, out: weights }); // in place
 * const [a, b] = pruneMagnitude([first, second], { sparsity: 0.8 }); // one threshold for both
 *
 * @throws TypeError if x is not a Float32Array or a list of them, one is detached, or an option is of the wrong kind.
 * @throws RangeError if sparsity is not in 0..1, threshold is negative or NaN, both are given or none, an array of `out` has another
 *   length or overlaps x in part, or the backend is not available.
 */
export function pruneMagnitude(x: Float32Array, options: PruneMagnitudeOptions): Float32Array;
export function pruneMagnitude(
  x: readonly Float32Array[],
  options: PruneMagnitudeOptions<readonly Float32Array[]>,
): Float32Array[];
export function pruneMagnitude<X extends FloatArrays>(x: X, options: PruneMagnitudeOptions<X>): FloatArrays {
  return runCall(prepare(x, options), options);
}

/** pruneMagnitude off the event loop; leave the arrays as they are until the promise settles. */
export function pruneMagnitudeAsync(
  x: Float32Array,
  options: PruneMagnitudeOptions & AsyncCallOptions,
): Promise<Float32Array>;
export function pruneMagnitudeAsync(
  x: readonly Float32Array[],
  options: PruneMagnitudeOptions<readonly Float32Array[]> & AsyncCallOptions,
): Promise<Float32Array[]>;
export function pruneMagnitudeAsync<X extends FloatArrays>(
  x: X,
  options: PruneMagnitudeOptions<X> & AsyncCallOptions,
): Promise<FloatArrays> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare<X extends FloatArrays>(
  x: X,
  { sparsity, threshold, out }: PruneMagnitudeOptions<X>,
): Call<FloatArrays> {
  const arrays = requireArrays(x, "x");
  const elements = lengthOf(arrays);
  if ((sparsity === undefined) === (threshold === undefined))
    throw outOfRange("given, or threshold, and not both", "sparsity", sparsity);
  const k = sparsity === undefined ? 0 : requireSparsity(sparsity, elements);
  const limit = threshold === undefined ? 0 : requireThreshold(threshold);
  const results =
    out === undefined
      ? arrays.map(({ length }) => newArray(Float32Array, length))
      : requireArrays(out, "out");
  requireOutputs(results, arrays);
  return {
    elements,
    jsUpTo: 128,
    arrays: [...arrays, ...results],
    run: (operations, ...execution) =>
      threshold === undefined
        ? operations.pruneMagnitude(arrays, results, k, ...execution)
        : operations.pruneToThreshold(arrays, results, limit, ...execution),
    result: () => out ?? (Array.isArray(x) ? results : results[0]!),
  };
}

/** The largest float32 that is not above the threshold. */
function requireThreshold(threshold: unknown): number {
  if (typeof threshold !== "number") throw wrongType("a number", "threshold", threshold);
  if (!(threshold >= 0)) throw outOfRange("at least 0", "threshold", threshold);
  const nearest = Float32Array.of(threshold);
  if (nearest[0]! > threshold) new Int32Array(nearest.buffer)[0]!--;
  return nearest[0]!;
}

/** Each result is the array that it comes from or shares no byte with any; and no two share one. */
function requireOutputs(results: readonly Float32Array[], arrays: readonly Float32Array[]): void {
  if (results.length !== arrays.length)
    throw outOfRange(`${arrays.length} arrays`, "out", `${results.length}`);
  results.forEach((result, i) => {
    const name = results.length > 1 ? `out[${i}]` : "out";
    const own = arrays[i]!;
    if (result.length !== own.length)
      throw outOfRange(`length ${own.length}`, name, `length ${result.length}`);
    const isOwn = isSameArray(result, own);
    for (const other of arrays) if (!(isOwn && other === own)) requireOutput(result, own.length, other, name);
    results.forEach((other, j) => {
      if (j !== i) requireOutput(result, own.length, other, name);
    });
  });
}

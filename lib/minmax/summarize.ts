import { requireAttached } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import type { TypedArray } from "../tensor.js";

export interface Summary<Value extends number | bigint = number | bigint> {
  /** Smallest and largest value that is not NaN; NaN where all are. A zero is +0. */
  min: Value;
  max: Value;
  /** How many values are 0 or -0. */
  zeros: number;
  /** How many are NaN. */
  nans: number;
}

const TYPES = [
  Float32Array,
  Float64Array,
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];

/**
 * What an array of any number type holds, in one pass: its range without NaN, and how many zeros and NaN there are. The share of
 * zeros is the sparsity of a weight.
 *
 * @throws TypeError if x is not a typed array of numbers or is detached.
 * @throws RangeError if there is no value to look at, or the backend is not available.
 */
export function summarize(x: BigInt64Array | BigUint64Array, options?: CallOptions): Summary<bigint>;
export function summarize(
  x: Exclude<TypedArray, BigInt64Array | BigUint64Array>,
  options?: CallOptions,
): Summary<number>;
export function summarize(x: TypedArray, options?: CallOptions): Summary;
export function summarize(x: TypedArray, options: CallOptions = {}): Summary {
  return runCall(prepare(x), options);
}

/** summarize off the event loop; leave x as it is until the promise settles. */
export function summarizeAsync(
  x: TypedArray,
  options: CallOptions & AsyncCallOptions = {},
): Promise<Summary> {
  return runCallAsync(() => prepare(x), options);
}

function prepare(x: TypedArray): Call<Summary> {
  const type = TYPES.find((each) => x instanceof each);
  if (type === undefined) throw wrongType("a typed array of numbers", "x", x);
  requireAttached(x, "x");
  if (x.length === 0) throw outOfRange("at least one element", "x", "none");
  const range = new type(2);
  const counts = new Float64Array(2);
  return {
    elements: x.length,
    jsUpTo: 192,
    arrays: [x],
    run: (operations, ...execution) => operations.summarize(x, range, counts, ...execution),
    result() {
      const [zeros, nans] = counts as unknown as [number, number];
      if (nans === x.length) return { min: NaN, max: NaN, zeros, nans };
      return { min: range[0]!, max: range[1]!, zeros, nans };
    },
  };
}

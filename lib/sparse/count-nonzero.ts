import { type AsyncCallOptions, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange } from "../errors.js";
import type { NarrowArray } from "../operations/element-types.js";
import { nonzeroBits } from "./nonzero-bits.js";

export interface CountNonzeroOptions extends CallOptions {
  /** What the elements of a Uint16Array are; default: integers, for which the bits of -0 are a number like others. */
  dtype?: "float16" | "bfloat16" | undefined;
}

const NO_SIGN_32 = 0x7fffffff;
const NO_SIGN_16 = 0x7fff;
const ALL = 0xffffffff;

/**
 * How many values of x are neither 0 nor -0, as numpy.count_nonzero; NaN is one. 1 - countNonzero(x) / x.length is the sparsity of a
 * weight.
 *
 * @throws TypeError if x has no elements of 1, 2 or 4 bytes or is detached.
 * @throws RangeError if dtype does not fit x, or the backend is not available.
 */
export function countNonzero(x: NarrowArray, options: CountNonzeroOptions = {}): number {
  return runCall(nonzeroBits(x, maskOf(x, options)), options);
}

/** countNonzero off the event loop; leave x as it is until the promise settles. */
export function countNonzeroAsync(
  x: NarrowArray,
  options: CountNonzeroOptions & AsyncCallOptions = {},
): Promise<number> {
  return runCallAsync(() => nonzeroBits(x, maskOf(x, options)), options);
}

function maskOf(x: NarrowArray, { dtype }: CountNonzeroOptions): number {
  if (dtype === undefined) return x instanceof Float32Array ? NO_SIGN_32 : ALL;
  if (!(x instanceof Uint16Array) || (dtype !== "float16" && dtype !== "bfloat16"))
    throw outOfRange("float16 or bfloat16, with a Uint16Array,", "dtype", dtype);
  return NO_SIGN_16;
}

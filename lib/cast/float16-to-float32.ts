import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, runCall, runCallAsync } from "../call.js";
import { type Float16Bits, floatBits } from "../float-bits.js";
import { newArray } from "../new-array.js";
import type { CastOptions } from "./options.js";

/**
 * Turns float16 values into float32, which holds every one of them. A NaN comes out quiet, with its sign and payload.
 *
 * @example
 * const x = float16ToFloat32(Uint16Array.of(0x3c00)); // Float32Array [1]
 *
 * @throws TypeError if x is neither a Uint16Array nor a Float16Array, out is not a Float32Array, or one is detached.
 * @throws RangeError if out has another length or overlaps x, or the backend is not available.
 */
export function float16ToFloat32<A extends Float32Array = Float32Array<ArrayBuffer>>(
  x: Float16Bits,
  options: CastOptions<A> = {},
): A {
  return runCall(prepare(x, options), options) as A;
}

/** float16ToFloat32 off the event loop; leave the arrays as they are until the promise settles. */
export function float16ToFloat32Async<A extends Float32Array = Float32Array<ArrayBuffer>>(
  x: Float16Bits,
  options: CastOptions<A> & AsyncCallOptions = {},
): Promise<A> {
  return runCallAsync(() => prepare(x, options) as Call<A>, options);
}

function prepare(x: Float16Bits, { out }: CastOptions<Float32Array>): Call<Float32Array> {
  const bits = floatBits(x, "float16", "x");
  const result = out ?? newArray(Float32Array, bits.length);
  requireFloat32(result, "out");
  requireOutput(result, bits.length, bits);
  return {
    elements: bits.length,
    arrays: [bits, result],
    run: (operations, ...execution) => operations.float16ToFloat32(bits, result, ...execution),
    result: () => result,
  };
}

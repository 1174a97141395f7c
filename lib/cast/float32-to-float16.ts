import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, runCall, runCallAsync } from "../call.js";
import { type Float16Bits, floatBits } from "../float-bits.js";
import { newArray } from "../new-array.js";
import type { CastOptions } from "./options.js";

/**
 * Rounds float32 values to float16, to nearest with ties to even, as IEEE 754 and the ONNX operator Cast: what is too large
 * becomes infinite, what is too small a subnormal or 0. A NaN stays one, quiet, with its sign and the upper bits of its payload.
 *
 * @example
 * const bits = float32ToFloat16(weights); // Uint16Array
 *
 * @throws TypeError if x is not a Float32Array, out is neither a Uint16Array nor a Float16Array, or one is detached.
 * @throws RangeError if out has another length or overlaps x, or the backend is not available.
 */
export function float32ToFloat16<A extends Float16Bits = Uint16Array<ArrayBuffer>>(
  x: Float32Array,
  options: CastOptions<A> = {},
): A {
  return runCall(prepare(x, options), options) as A;
}

/** float32ToFloat16 off the event loop; leave the arrays as they are until the promise settles. */
export function float32ToFloat16Async<A extends Float16Bits = Uint16Array<ArrayBuffer>>(
  x: Float32Array,
  options: CastOptions<A> & AsyncCallOptions = {},
): Promise<A> {
  return runCallAsync(() => prepare(x, options) as Call<A>, options);
}

function prepare(x: Float32Array, { out }: CastOptions<Float16Bits>): Call<Float16Bits> {
  requireFloat32(x, "x");
  const bits = out === undefined ? newArray(Uint16Array, x.length) : floatBits(out, "float16", "out");
  requireOutput(bits, x.length, x);
  return {
    elements: x.length,
    arrays: [x, bits],
    run: (operations, ...execution) => operations.float32ToFloat16(x, bits, ...execution),
    result: () => out ?? bits,
  };
}

import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, runCall, runCallAsync } from "../call.js";
import { floatBits } from "../float-bits.js";
import { newArray } from "../new-array.js";
import type { CastOptions } from "./options.js";

/**
 * Rounds float32 values to bfloat16, the upper half of a float32, to nearest with ties to even, as the ONNX operator Cast: what
 * rounds beyond the largest value becomes infinite. A NaN stays one, quiet, with its sign and the upper bits of its payload.
 *
 * @throws TypeError if x is not a Float32Array, out is not a Uint16Array, or one is detached.
 * @throws RangeError if out has another length or overlaps x, or the backend is not available.
 */
export function float32ToBfloat16<A extends Uint16Array = Uint16Array<ArrayBuffer>>(
  x: Float32Array,
  options: CastOptions<A> = {},
): A {
  return runCall(prepare(x, options), options) as A;
}

/** float32ToBfloat16 off the event loop; leave the arrays as they are until the promise settles. */
export function float32ToBfloat16Async<A extends Uint16Array = Uint16Array<ArrayBuffer>>(
  x: Float32Array,
  options: CastOptions<A> & AsyncCallOptions = {},
): Promise<A> {
  return runCallAsync(() => prepare(x, options) as Call<A>, options);
}

function prepare(x: Float32Array, { out }: CastOptions<Uint16Array>): Call<Uint16Array> {
  requireFloat32(x, "x");
  const bits = out === undefined ? newArray(Uint16Array, x.length) : floatBits(out, "bfloat16", "out");
  requireOutput(bits, x.length, x);
  return {
    elements: x.length,
    arrays: [x, bits],
    run: (operations, ...execution) => operations.float32ToBfloat16(x, bits, ...execution),
    result: () => out ?? bits,
  };
}

import { resolveBackend } from "../backends/index.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { floatBits } from "../float-bits.js";
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
  options?: CastOptions<A>,
): A;
export function float32ToBfloat16(
  x: Float32Array,
  { out, backend }: CastOptions<Uint16Array> = {},
): Uint16Array {
  requireFloat32(x, "x");
  const result = out ?? new Uint16Array(x.length);
  requireOutput(floatBits(result, "bfloat16", "out"), x.length, x);
  resolveBackend(backend).float32ToBfloat16(x, result);
  return result;
}

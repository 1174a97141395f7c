import { resolveBackend } from "../backends/index.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { floatBits } from "../float-bits.js";
import type { CastOptions } from "./options.js";

/**
 * Turns bfloat16 values into float32, which holds every one of them. A NaN comes out quiet, with its sign and payload.
 *
 * @example
 * const x = bfloat16ToFloat32(Uint16Array.of(0x3f80)); // Float32Array [1]
 *
 * @throws TypeError if x is not a Uint16Array, out is not a Float32Array, or one is detached.
 * @throws RangeError if out has another length or overlaps x, or the backend is not available.
 */
export function bfloat16ToFloat32<A extends Float32Array = Float32Array<ArrayBuffer>>(
  x: Uint16Array,
  options?: CastOptions<A>,
): A;
export function bfloat16ToFloat32(
  x: Uint16Array,
  { out, backend }: CastOptions<Float32Array> = {},
): Float32Array {
  const bits = floatBits(x, "bfloat16", "x");
  const result = out ?? new Float32Array(bits.length);
  requireFloat32(result, "out");
  requireOutput(result, bits.length, bits);
  resolveBackend(backend).bfloat16ToFloat32(bits, result);
  return result;
}

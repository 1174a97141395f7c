import type { Backend } from "../backend.js";
import { resolveBackend } from "../backends/index.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { outOfRange, wrongType } from "../errors.js";
import { minMax } from "../minmax/min-max.js";
import { roundHalfEven } from "./round-half-even.js";

export interface DynamicQuantizeLinearOptions {
  /** Where y goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: Uint8Array | undefined;
  /** A name or an element of backends(); default: the best. */
  backend?: string | Backend | undefined;
}

export interface DynamicQuantized {
  y: Uint8Array;
  /** A positive float32; 0 only for values so close together that float32 cannot hold a 255th of their distance. */
  scale: number;
  /** An integer in 0..255. */
  zeroPoint: number;
}

/**
 * Quantizes float32 values to uint8 with the scale and zero point of their own range, bit for bit as the ONNX operator
 * DynamicQuantizeLinear. The range is widened to hold 0, so that 0 stays exact.
 *
 * @throws TypeError if x is not a Float32Array, out is not a Uint8Array, or one is detached.
 * @throws RangeError if x is empty, holds NaN or an infinity, spans more than float32 can hold, or if out or backend do not fit.
 */
export function dynamicQuantizeLinear(
  x: Float32Array,
  { out, backend }: DynamicQuantizeLinearOptions = {},
): DynamicQuantized {
  requireFloat32(x, "x");
  out ??= new Uint8Array(x.length);
  if (!(out instanceof Uint8Array)) throw wrongType("a Uint8Array", "out", out);
  requireOutput(out, x.length, x);
  const chosen = resolveBackend(backend);
  const range = minMax(x, { backend: chosen });
  const low = Math.min(range.min, 0);
  const high = Math.max(range.max, 0);
  const width = Math.fround(high - low);
  if (!Number.isFinite(width))
    throw outOfRange(
      "finite values whose distance float32 can hold (replace NaN and infinities, or quantize with a scale of your own)",
      "x",
      `values from ${range.min} to ${range.max}`,
    );
  const scale = width === 0 ? 1 : Math.fround(width / 255);
  const exact = Math.fround(0 - Math.fround(low / scale));
  // Written so that 0 / 0, of a scale that became 0, is 255 as in onnxruntime.
  const zeroPoint = exact < 255 ? roundHalfEven(Math.max(exact, 0)) : 255;
  chosen.quantizeLinear(x, out, scale, zeroPoint);
  return { y: out, scale, zeroPoint };
}

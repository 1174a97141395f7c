import type { QuantizedArray } from "../backend.js";
import { requireAttached, requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type LinearParams, resolveParams, type ScaleRule } from "./linear-params.js";
import { type IntegerRange, QUANTIZED_TYPES } from "./quantized-type.js";

/** Types that values can be dequantized from. */
export type DequantizeLinearDType = "int8" | "uint8" | "int32";

export interface DequantizeLinearOptions extends LinearParams, CallOptions {
  /** The type of q. The array says it already, so here it can only agree. */
  dtype?: DequantizeLinearDType | undefined;
  /** Where the result goes: as long as q, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: Float32Array | undefined;
}

const FINITE: ScaleRule = { expected: "a finite float32", above: -Infinity };

/**
 * Turns quantized values back into float32, bit for bit as the ONNX operator DequantizeLinear: (q - zeroPoint) * scale, the
 * difference converted to float32 before it is multiplied. int32 is the type of biases; its zero point is 0.
 *
 * One scale serves all of q, or with a list of scales, `shape` and `axis`, each index of that axis has its own.
 *
 * @example
 * const x = dequantizeLinear(q, { scale: 0.02 }); // Float32Array
 *
 * @throws TypeError if q is not an Int8Array, Uint8Array or Int32Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if a scale is not finite, a zero point is outside the type's range, lengths and shape do not agree, out
 *   overlaps q, or the backend is not available.
 */
export function dequantizeLinear(
  q: QuantizedArray | Int32Array,
  options: DequantizeLinearOptions,
): Float32Array {
  return runCall(prepare(q, options), options);
}

/** dequantizeLinear off the event loop; leave the arrays as they are until the promise settles. */
export function dequantizeLinearAsync(
  q: QuantizedArray | Int32Array,
  options: DequantizeLinearOptions & AsyncCallOptions,
): Promise<Float32Array> {
  return runCallAsync(() => prepare(q, options), options);
}

function prepare(q: QuantizedArray | Int32Array, options: DequantizeLinearOptions): Call<Float32Array> {
  const { dtype, zeroPoints } = typeOf(q);
  requireAttached(q, "q");
  if (options.dtype !== undefined && options.dtype !== dtype)
    throw outOfRange(`"${dtype}", the type of q,`, "dtype", options.dtype);
  const params = resolveParams(q.length, options, zeroPoints, FINITE);
  const out = options.out ?? newArray(Float32Array, q.length);
  requireFloat32(out, "out");
  requireOutput(out, q.length, q);
  return {
    elements: q.length,
    arrays: [q, out],
    run: (operations, ...execution) =>
      "scale" in params
        ? operations.dequantizeLinear(q, out, params.scale, params.zeroPoint, ...execution)
        : operations.dequantizeLinearPerAxis(
            q,
            out,
            params.scales,
            params.zeroPoints,
            params.inner,
            ...execution,
          ),
    result: () => out,
  };
}

function typeOf(q: unknown): { dtype: DequantizeLinearDType; zeroPoints: IntegerRange } {
  if (q instanceof Int8Array) return { dtype: "int8", zeroPoints: QUANTIZED_TYPES.int8.full };
  if (q instanceof Uint8Array) return { dtype: "uint8", zeroPoints: QUANTIZED_TYPES.uint8.full };
  if (q instanceof Int32Array) return { dtype: "int32", zeroPoints: { min: 0, max: 0 } };
  throw wrongType("an Int8Array, Uint8Array or Int32Array", "q", q);
}

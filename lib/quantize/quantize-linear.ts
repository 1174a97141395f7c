import type { Backend, QuantizedArray } from "../backend.js";
import { resolveBackend } from "../backends/index.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { wrongType } from "../errors.js";
import { type LinearParams, resolveParams, type ScaleRule } from "./linear-params.js";
import { QUANTIZED_TYPES, requireDType } from "./quantized-type.js";

const ARRAYS = { int8: Int8Array, uint8: Uint8Array } as const;

/** Types that values can be quantized to. */
export type QuantizeLinearDType = keyof typeof ARRAYS;

export interface QuantizeLinearOptions extends LinearParams {
  /** Default: the type of `out`, else the type of `zeroPoint` where that is an Int8Array or Uint8Array, else "int8". */
  dtype?: QuantizeLinearDType | undefined;
  /** Where the result goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: QuantizedArray | undefined;
  /** A name or an element of backends(); default: the best. */
  backend?: string | Backend | undefined;
}

const POSITIVE: ScaleRule = { expected: "a positive finite float32", above: 0 };

/**
 * Quantizes float32 values to 8-bit integers, bit for bit as the ONNX operator QuantizeLinear:
 * saturate(roundHalfEven(x / scale) + zeroPoint), with a true float32 division. Infinities saturate; NaN gives the smallest
 * value of the type.
 *
 * One scale serves all of x, or with a list of scales, `shape` and `axis`, each index of that axis has its own.
 *
 * @example
 * const q = quantizeLinear(weights, { scale: 0.02 }); // Int8Array
 * const u = quantizeLinear(x, { scale: 0.1, zeroPoint: 128, dtype: "uint8" }); // Uint8Array
 * quantizeLinear(x, { scale: [0.1, 0.2], shape: [2, 3, 3], axis: 0, out });
 *
 * @throws TypeError if x is not a Float32Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if a scale is not positive and finite, a zero point is outside the type's range, lengths and shape do not
 *   agree, out overlaps x, or the backend is not available.
 */
export function quantizeLinear<A extends QuantizedArray>(
  x: Float32Array,
  options: QuantizeLinearOptions & { out: A },
): A;
export function quantizeLinear(
  x: Float32Array,
  options: QuantizeLinearOptions & { dtype: "int8" },
): Int8Array;
export function quantizeLinear(
  x: Float32Array,
  options: QuantizeLinearOptions & { dtype: "uint8" },
): Uint8Array;
export function quantizeLinear(
  x: Float32Array,
  options: QuantizeLinearOptions & { dtype?: undefined; out?: undefined; zeroPoint: Uint8Array },
): Uint8Array;
export function quantizeLinear(
  x: Float32Array,
  options: QuantizeLinearOptions & {
    dtype?: undefined;
    out?: undefined;
    zeroPoint?: number | Int8Array | Int32Array | readonly number[] | undefined;
  },
): Int8Array;
export function quantizeLinear(x: Float32Array, options: QuantizeLinearOptions): QuantizedArray;
export function quantizeLinear(x: Float32Array, options: QuantizeLinearOptions): QuantizedArray {
  requireFloat32(x, "x");
  const dtype = options.dtype ?? typeOf(options.out) ?? typeOf(options.zeroPoint) ?? "int8";
  requireDType(dtype, ARRAYS);
  const params = resolveParams(x.length, options, QUANTIZED_TYPES[dtype].full, POSITIVE);
  const backend = resolveBackend(options.backend);
  const out = options.out ?? new ARRAYS[dtype](x.length);
  if (!(out instanceof ARRAYS[dtype])) throw wrongType(`an ${ARRAYS[dtype].name}`, "out", out);
  requireOutput(out, x.length, x);

  if ("scale" in params) backend.quantizeLinear(x, out, params.scale, params.zeroPoint);
  else backend.quantizeLinearPerAxis(x, out, params.scales, params.zeroPoints, params.inner);
  return out;
}

function typeOf(array: unknown): QuantizeLinearDType | undefined {
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint8Array) return "uint8";
  return undefined;
}

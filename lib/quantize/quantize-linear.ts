import type { QuantizedArray } from "../backend.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type LinearParams, resolveParams, type ScaleRule } from "./linear-params.js";
import { QUANTIZED_TYPES, requireDType } from "./quantized-type.js";

const ARRAYS = { int8: Int8Array, uint8: Uint8Array } as const;

/** Types that values can be quantized to. */
export type QuantizeLinearDType = keyof typeof ARRAYS;

export interface QuantizeLinearOptions extends LinearParams, CallOptions {
  /** Default: the type of `out`, else the type of `zeroPoint` where that is an Int8Array or Uint8Array, else "int8". */
  dtype?: QuantizeLinearDType | undefined;
  /** Where the result goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: QuantizedArray | undefined;
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
  return runCall(prepare(x, options), options);
}

type Quantized<O extends QuantizeLinearOptions> = O extends { out: infer A extends QuantizedArray }
  ? A
  : O extends { dtype: "uint8" }
    ? Uint8Array
    : O extends { dtype: "int8" }
      ? Int8Array
      : O extends { zeroPoint: Uint8Array }
        ? Uint8Array
        : Int8Array;

/** quantizeLinear off the event loop; leave the arrays as they are until the promise settles. */
export function quantizeLinearAsync<O extends QuantizeLinearOptions & AsyncCallOptions>(
  x: Float32Array,
  options: O,
): Promise<Quantized<O>> {
  return runCallAsync(() => prepare(x, options) as Call<Quantized<O>>, options);
}

function prepare(x: Float32Array, options: QuantizeLinearOptions): Call<QuantizedArray> {
  requireFloat32(x, "x");
  const dtype = options.dtype ?? typeOf(options.out) ?? typeOf(options.zeroPoint) ?? "int8";
  requireDType(dtype, ARRAYS);
  const params = resolveParams(x.length, options, QUANTIZED_TYPES[dtype].full, POSITIVE);
  const out = options.out ?? newArray<QuantizedArray>(ARRAYS[dtype], x.length);
  if (!(out instanceof ARRAYS[dtype])) throw wrongType(`an ${ARRAYS[dtype].name}`, "out", out);
  requireOutput(out, x.length, x);
  return {
    elements: x.length,
    arrays: [x, out],
    run: (operations, ...execution) =>
      "scale" in params
        ? operations.quantizeLinear(x, out, params.scale, params.zeroPoint, ...execution)
        : operations.quantizeLinearPerAxis(
            x,
            out,
            params.scales,
            params.zeroPoints,
            params.inner,
            ...execution,
          ),
    result: () => out,
  };
}

function typeOf(array: unknown): QuantizeLinearDType | undefined {
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint8Array) return "uint8";
  return undefined;
}

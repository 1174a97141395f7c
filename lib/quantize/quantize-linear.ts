import { requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { ELEMENT_TYPES, type QuantizedArray } from "../operations/element-types.js";
import { type FloatDType, type Floats, floatElements } from "./float-elements.js";
import { type LinearParams, linearArrays, resolveParams, type ScaleRule } from "./linear-params.js";
import { isPacked, requireDType } from "./quantized-type.js";

const ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int4: Uint8Array,
  uint4: Uint8Array,
} as const;

/** Types that values can be quantized to. */
export type QuantizeLinearDType = keyof typeof ARRAYS;

/** Arrays that hold values of a type; of int4 and uint4 two in a byte, the first in the low half. */
export interface QuantizedArrays {
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int4: Uint8Array;
  uint4: Uint8Array;
}

export interface QuantizeLinearOptions extends LinearParams, CallOptions {
  /** Default: the type of `out`, else the type of `zeroPoint` where that is an array of 8 or 16 bits, else "int8". */
  dtype?: QuantizeLinearDType | undefined;
  /** The type of x: needed where that is a Uint16Array, which may hold the bits of "float16" or "bfloat16". */
  inputDType?: FloatDType | undefined;
  /**
   * Where the result goes: as long as x, or of int4 and uint4 half as long, rounded up; apart from x in memory, possibly a subarray.
   * Default: a new array.
   */
  out?: QuantizedArray | undefined;
}

const POSITIVE: ScaleRule = { expected: "a positive finite float32", above: 0 };

/**
 * Quantizes floats to integers of 4, 8 or 16 bits, bit for bit as the ONNX operator QuantizeLinear: saturate(roundHalfEven(x / scale)
 * + zeroPoint), with a true float32 division; 16-bit floats are widened first. Infinities saturate; NaN gives the smallest value of the
 * type. (onnxruntime leaves NaN, infinities and quotients beyond int32 undefined for float16, 4 bits and most blocks.)
 *
 * One scale serves all of x, or with a list of scales, `shape` and `axis`, each index of that axis has its own; with `blockSize` too,
 * each so many elements along the axis.
 *
 * @example
 * const q = quantizeLinear(weights, { scale: 0.02 }); // Int8Array
 * const u = quantizeLinear(x, { scale: 0.1, zeroPoint: 128, dtype: "uint8" }); // Uint8Array
 * quantizeLinear(x, { scale: [0.1, 0.2], shape: [2, 3, 3], axis: 0, out });
 * const packed = quantizeLinear(w, { dtype: "int4", scale: scales, shape: [4096, 4096], axis: 0, blockSize: 32 }); // Uint8Array
 * quantizeLinear(bits, { scale: 0.1, inputDType: "bfloat16" }); // of a Uint16Array
 *
 * @throws TypeError if x is not an array of floats or is detached, or an option is of the wrong kind.
 * @throws RangeError if a scale is not positive and finite, a zero point is outside the type's range, lengths, shape and blockSize do
 *   not agree, out overlaps x, or the backend is not available.
 */
export function quantizeLinear<A extends QuantizedArray>(
  x: Floats,
  options: QuantizeLinearOptions & { out: A },
): A;
export function quantizeLinear<D extends QuantizeLinearDType>(
  x: Floats,
  options: QuantizeLinearOptions & { dtype: D },
): QuantizedArrays[D];
export function quantizeLinear<Z extends QuantizedArray>(
  x: Floats,
  options: QuantizeLinearOptions & { dtype?: undefined; out?: undefined; zeroPoint: Z },
): Z;
export function quantizeLinear(
  x: Floats,
  options: QuantizeLinearOptions & {
    dtype?: undefined;
    out?: undefined;
    zeroPoint?: number | Int32Array | readonly number[] | undefined;
  },
): Int8Array;
export function quantizeLinear(x: Floats, options: QuantizeLinearOptions): QuantizedArray;
export function quantizeLinear(x: Floats, options: QuantizeLinearOptions): QuantizedArray {
  return runCall(prepare(x, options), options);
}

type Quantized<O extends QuantizeLinearOptions> = O extends { out: infer A extends QuantizedArray }
  ? A
  : O extends { dtype: infer D extends QuantizeLinearDType }
    ? QuantizedArrays[D]
    : O extends { dtype?: undefined; out?: undefined }
      ? O extends { zeroPoint: infer Z extends QuantizedArray }
        ? Z
        : O extends { zeroPoint?: number | Int32Array | readonly number[] | undefined }
          ? Int8Array
          : QuantizedArray
      : QuantizedArray;

/** quantizeLinear off the event loop; leave the arrays as they are until the promise settles. */
export function quantizeLinearAsync<O extends QuantizeLinearOptions & AsyncCallOptions>(
  x: Floats,
  options: O,
): Promise<Quantized<O>> {
  return runCallAsync(() => prepare(x, options) as Call<Quantized<O>>, options);
}

function prepare(x: Floats, options: QuantizeLinearOptions): Call<QuantizedArray> {
  const { elements, type } = floatElements(x, options.inputDType, "x", "inputDType");
  const dtype = options.dtype ?? typeOf(options.out) ?? typeOf(options.zeroPoint) ?? "int8";
  requireDType(dtype, ARRAYS);
  const params = resolveParams(elements.length, options, dtype, POSITIVE);
  const length = isPacked(dtype) ? Math.ceil(elements.length / 2) : elements.length;
  const out = options.out ?? newArray<QuantizedArray>(ARRAYS[dtype], length);
  if (!(out instanceof ARRAYS[dtype])) throw wrongType(`an ${ARRAYS[dtype].name}`, "out", out);
  requireOutput(out, length, elements);
  const arrays = [elements, type, out, ELEMENT_TYPES[dtype]] as const;
  return {
    elements: elements.length,
    jsUpTo: params.layout === "tensor" ? 0 : 64,
    arrays: [elements, out, ...linearArrays(params)],
    run: (operations, ...execution) => {
      if (params.layout === "tensor")
        return operations.quantizeLinear(...arrays, params.scale, params.zeroPoint, ...execution);
      const { scales, zeroPoints, inner } = params;
      if (params.layout === "axis")
        return operations.quantizeLinearPerAxis(...arrays, scales, zeroPoints, inner, ...execution);
      const { size, block } = params;
      return operations.quantizeLinearBlocked(
        ...arrays,
        scales,
        zeroPoints,
        size,
        inner,
        block,
        ...execution,
      );
    },
    result: () => out,
  };
}

function typeOf(array: unknown): QuantizeLinearDType | undefined {
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint8Array) return "uint8";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Uint16Array) return "uint16";
  return undefined;
}

import { requireAttached, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { ELEMENT_TYPES, type QuantizedArray } from "../operations/element-types.js";
import { elementCount } from "../tensor.js";
import { type FloatDType, type Floats, floatElements, floatType } from "./float-elements.js";
import {
  type LinearDType,
  type LinearParams,
  linearArrays,
  resolveParams,
  type ScaleRule,
} from "./linear-params.js";
import { isPacked } from "./quantized-type.js";

/** Types that values can be dequantized from. */
export type DequantizeLinearDType = LinearDType;

export interface DequantizeLinearOptions extends LinearParams, CallOptions {
  /**
   * The type of q. Most arrays say it already, so here it can only agree; a Uint8Array holds "uint8" unless this is "int4" or "uint4",
   * of which two lie in a byte, the first in the low half. How many they are, `shape` or `out` says, else twice the bytes.
   */
  dtype?: DequantizeLinearDType | undefined;
  /**
   * The type of the result. Default: the type of `out`, else "float32". The 16-bit floats come as their bits in a Uint16Array, or in
   * an `out` that is a Float16Array.
   */
  outputDType?: FloatDType | undefined;
  /** Where the result goes: an element per value, apart from q in memory, possibly a subarray. Default: a new array. */
  out?: Floats | undefined;
}

const FINITE: ScaleRule = { expected: "a finite float32", above: -Infinity };

/**
 * Turns quantized values back into floats, bit for bit as the ONNX operator DequantizeLinear: (q - zeroPoint) * scale, the difference
 * converted to float32 before it is multiplied, the product rounded once more to a 16-bit type. int32 is the type of biases; its zero
 * point is 0.
 *
 * One scale serves all of q, or with a list of scales, `shape` and `axis`, each index of that axis has its own; with `blockSize` too,
 * each so many elements along the axis.
 *
 * @example
 * const x = dequantizeLinear(q, { scale: 0.02 }); // Float32Array
 * dequantizeLinear(packed, { dtype: "int4", scale: scales, shape: [4096, 4096], axis: 0, blockSize: 32, outputDType: "float16" });
 *
 * @throws TypeError if q is not an array of quantized values or is detached, or an option is of the wrong kind.
 * @throws RangeError if a scale is not finite, a zero point is outside the type's range, lengths, shape and blockSize do not agree,
 *   out overlaps q, or the backend is not available.
 */
export function dequantizeLinear<A extends Floats>(
  q: QuantizedArray | Int32Array,
  options: DequantizeLinearOptions & { out: A },
): A;
export function dequantizeLinear(
  q: QuantizedArray | Int32Array,
  options: DequantizeLinearOptions & { outputDType: "float16" | "bfloat16"; out?: undefined },
): Uint16Array;
export function dequantizeLinear(
  q: QuantizedArray | Int32Array,
  options: DequantizeLinearOptions & { outputDType?: "float32" | undefined; out?: undefined },
): Float32Array;
export function dequantizeLinear(q: QuantizedArray | Int32Array, options: DequantizeLinearOptions): Floats;
export function dequantizeLinear(q: QuantizedArray | Int32Array, options: DequantizeLinearOptions): Floats {
  return runCall(prepare(q, options), options);
}

type Dequantized<O extends DequantizeLinearOptions> = O extends { out: infer A extends Floats }
  ? A
  : O extends { out?: undefined; outputDType: "float16" | "bfloat16" }
    ? Uint16Array
    : O extends { out?: undefined; outputDType?: "float32" | undefined }
      ? Float32Array
      : Floats;

/** dequantizeLinear off the event loop; leave the arrays as they are until the promise settles. */
export function dequantizeLinearAsync<O extends DequantizeLinearOptions & AsyncCallOptions>(
  q: QuantizedArray | Int32Array,
  options: O,
): Promise<Dequantized<O>> {
  return runCallAsync(() => prepare(q, options) as Call<Dequantized<O>>, options);
}

function prepare(q: QuantizedArray | Int32Array, options: DequantizeLinearOptions): Call<Floats> {
  const dtype = typeOf(q, options.dtype);
  requireAttached(q, "q");
  const count = isPacked(dtype) ? packedCount(q, options) : q.length;
  const params = resolveParams(count, options, dtype, FINITE);
  const { elements, type } = floatOutput(options, count);
  requireOutput(elements, count, q);
  const arrays = [q, ELEMENT_TYPES[dtype], elements, type] as const;
  return {
    elements: count,
    jsUpTo: params.layout === "tensor" ? 64 : 256,
    arrays: [q, elements, ...linearArrays(params)],
    run: (operations, ...execution) => {
      if (params.layout === "tensor")
        return operations.dequantizeLinear(...arrays, params.scale, params.zeroPoint, ...execution);
      const { scales, zeroPoints, inner } = params;
      if (params.layout === "axis")
        return operations.dequantizeLinearPerAxis(...arrays, scales, zeroPoints, inner, ...execution);
      const { size, block } = params;
      return operations.dequantizeLinearBlocked(
        ...arrays,
        scales,
        zeroPoints,
        size,
        inner,
        block,
        ...execution,
      );
    },
    result: () => options.out ?? elements,
  };
}

function floatOutput({ out, outputDType }: DequantizeLinearOptions, count: number) {
  if (out !== undefined) return floatElements(out, outputDType, "out", "outputDType");
  const type = floatType(outputDType ?? "float32", "outputDType");
  return {
    elements: type === ELEMENT_TYPES.float32 ? newArray(Float32Array, count) : newArray(Uint16Array, count),
    type,
  };
}

/** How many values of 4 bits q holds: the last byte may hold one or two. */
function packedCount(q: QuantizedArray | Int32Array, { shape, out }: DequantizeLinearOptions): number {
  const count = Array.isArray(shape) ? elementCount(shape) : (out?.length ?? 2 * q.length);
  if (Math.ceil(count / 2) !== q.length)
    throw outOfRange(`${Math.ceil(count / 2)} bytes, two values in each,`, "q", `${q.length} bytes`);
  return count;
}

function typeOf(q: unknown, dtype: DequantizeLinearDType | undefined): DequantizeLinearDType {
  if (q instanceof Uint8Array) {
    if (dtype === undefined || dtype === "uint8" || dtype === "int4" || dtype === "uint4")
      return dtype ?? "uint8";
    throw outOfRange("uint8, int4 or uint4, which a Uint8Array holds,", "dtype", dtype);
  }
  const own = ownType(q);
  if (dtype !== undefined && dtype !== own) throw outOfRange(`"${own}", the type of q,`, "dtype", dtype);
  return own;
}

function ownType(q: unknown): DequantizeLinearDType {
  if (q instanceof Int8Array) return "int8";
  if (q instanceof Int16Array) return "int16";
  if (q instanceof Uint16Array) return "uint16";
  if (q instanceof Int32Array) return "int32";
  throw wrongType("an array of 8- or 16-bit integers or an Int32Array", "q", q);
}

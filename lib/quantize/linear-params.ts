import { axisLayout, requireShape } from "../axis.js";
import { outOfRange, wrongType } from "../errors.js";
import type { TypedArray } from "../tensor.js";
import { isPacked, QUANTIZED_TYPES, type QuantizedDType } from "./quantized-type.js";

/** The quantized types; int32 is the one of biases. */
export type LinearDType = QuantizedDType | "int32";

/** Zero points: values, or of int4 and uint4 as packed as these themselves, two to a byte of a Uint8Array. */
export type ZeroPoints = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | readonly number[];

export interface LinearParams {
  /**
   * Size of a quantization step, as float32: one number for all elements, one per index of `axis`, or with `blockSize` one per block.
   * A list of one counts as a number, as in ONNX.
   */
  scale: number | Float32Array | readonly number[];
  /** What 0 becomes: an integer of the quantized type, or one per scale. Default 0. */
  zeroPoint?: number | ZeroPoints | undefined;
  /** Sizes of the input, outermost first. Needed with more than one scale; without them only checked. */
  shape?: readonly number[] | undefined;
  /** The axis that the scales belong to, or that blocks lie along; negative counts from the end. Default 1, as in ONNX. */
  axis?: number | undefined;
  /**
   * How many elements along `axis` share a scale, as ONNX's block_size. The scales then have the shape of the input, but along `axis`
   * its size divided by this, rounded up: where it does not divide, the last block is shorter.
   */
  blockSize?: number | undefined;
}

export interface PerTensor {
  readonly layout: "tensor";
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface PerAxis {
  readonly layout: "axis";
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly inner: number;
}

export interface Blocked {
  readonly layout: "blocks";
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly size: number;
  readonly inner: number;
  readonly block: number;
}

/** Which float32 values an operation takes as a scale: those above `above` that are finite. */
export interface ScaleRule {
  readonly expected: string;
  readonly above: number;
}

/** Checks the parameters of a linear quantization of `length` elements and brings them into the form that backends take. */
export function resolveParams(
  length: number,
  { scale, zeroPoint = 0, shape, axis = 1, blockSize }: LinearParams,
  dtype: LinearDType,
  rule: ScaleRule,
): PerTensor | PerAxis | Blocked {
  if (shape !== undefined) requireShape(shape, length);
  if (blockSize !== undefined) requireBlockSize(blockSize, scale);
  if (typeof scale === "number")
    return {
      layout: "tensor",
      scale: requireScale(scale, rule),
      zeroPoint:
        typeof zeroPoint === "number"
          ? requireZeroPoint(zeroPoint, dtype)
          : zeroPointsOf(zeroPoint, 1, dtype)[0]!,
    };

  const scales = scaleArray(scale, rule);
  const zeroPoints = zeroPointsOf(zeroPoint, scales.length, dtype);
  const single = { layout: "tensor", scale: scales[0]!, zeroPoint: zeroPoints[0]! } as const;
  if (blockSize === undefined && scales.length === 1) return single;

  if (shape === undefined)
    throw wrongType("the sizes of the input, which several scales need,", "shape", shape);
  const { channels: size, inner } = axisLayout(shape, axis);
  if (blockSize === undefined) {
    if (size !== scales.length)
      throw outOfRange(`${size} values, the size of axis ${axis},`, "scale", scales.length);
  } else {
    const blocks = size === 0 ? 0 : (length / size) * Math.ceil(size / blockSize);
    if (blocks !== scales.length)
      throw outOfRange(`${blocks} values, one per ${blockSize} along axis ${axis},`, "scale", scales.length);
  }
  if (length === 0) return { layout: "tensor", scale: 1, zeroPoint: 0 };
  if (scales.length === 1) return single;
  if (blockSize === undefined) return { layout: "axis", scales, zeroPoints, inner };
  // Blocks that follow each other in memory are channels of one slice.
  if (inner === 1 && size % blockSize === 0) return { layout: "axis", scales, zeroPoints, inner: blockSize };
  return { layout: "blocks", scales, zeroPoints, size, inner, block: blockSize };
}

/** The arrays that a call with these parameters reads. */
export function linearArrays(params: PerTensor | PerAxis | Blocked): TypedArray[] {
  return params.layout === "tensor" ? [] : [params.scales, params.zeroPoints];
}

function requireBlockSize(blockSize: unknown, scale: unknown): void {
  if (typeof blockSize !== "number") throw wrongType("a number of elements", "blockSize", blockSize);
  if (!Number.isSafeInteger(blockSize) || blockSize < 1)
    throw outOfRange("a whole number, 1 or more,", "blockSize", blockSize);
  if (typeof scale === "number") throw wrongType("a list with a value per block", "scale", scale);
}

function scaleArray(scale: unknown, rule: ScaleRule): Float32Array {
  if (Array.isArray(scale)) return Float32Array.from(scale, (value) => requireScale(value, rule));
  if (!(scale instanceof Float32Array))
    throw wrongType("a number, a Float32Array or an array of numbers", "scale", scale);
  // There may be thousands of channels, so this loop is one that a compiler likes.
  const above = rule.above;
  for (let i = 0; i < scale.length; i++) {
    const value = scale[i]!;
    if (!(value > above && value < Infinity)) throw outOfRange(rule.expected, "scale", value);
  }
  return scale;
}

let lastRepeated = new Int32Array();

/** One value so many times; the array of the call before where it is that. Nobody writes to it. */
function repeated(value: number, count: number): Int32Array {
  if (lastRepeated.length !== count || lastRepeated[0] !== value)
    lastRepeated = new Int32Array(count).fill(value);
  return lastRepeated;
}

function zeroPointsOf(zeroPoint: unknown, count: number, dtype: LinearDType): Int32Array {
  if (typeof zeroPoint === "number") return repeated(requireZeroPoint(zeroPoint, dtype), count);
  const typed =
    zeroPoint instanceof Int8Array ||
    zeroPoint instanceof Uint8Array ||
    zeroPoint instanceof Int16Array ||
    zeroPoint instanceof Uint16Array ||
    zeroPoint instanceof Int32Array;
  if (!(typed || Array.isArray(zeroPoint)))
    throw wrongType("an integer, an integer array or an array of integers", "zeroPoint", zeroPoint);
  if (zeroPoint instanceof Uint8Array && isPacked(dtype) && zeroPoint.length === Math.ceil(count / 2))
    return unpackZeroPoints(zeroPoint, count, dtype);
  if (zeroPoint.length !== count)
    throw outOfRange(
      count === 1 ? "one value, as there is one scale," : `${count} values, as scale has,`,
      "zeroPoint",
      zeroPoint.length,
    );
  for (let i = 0; i < count; i++) requireZeroPoint(zeroPoint[i], dtype);
  return zeroPoint instanceof Int32Array ? zeroPoint : new Int32Array(zeroPoint);
}

function unpackZeroPoints(bytes: Uint8Array, count: number, dtype: "int4" | "uint4"): Int32Array {
  if (count % 2 === 1 && bytes.at(-1)! > 15)
    throw outOfRange("0 in the unused half of the last byte", "zeroPoint", bytes.at(-1));
  const nibbles = Int32Array.from({ length: count }, (_, i) => (bytes[i >> 1]! >> ((i & 1) * 4)) & 15);
  return dtype === "uint4" ? nibbles : nibbles.map((nibble) => (nibble ^ 8) - 8);
}

function requireScale(value: unknown, rule: ScaleRule): number {
  if (typeof value !== "number") throw wrongType(rule.expected, "scale", value);
  const scale = Math.fround(value);
  if (!(scale > rule.above && scale < Infinity)) throw outOfRange(rule.expected, "scale", value);
  return scale;
}

function requireZeroPoint(value: unknown, dtype: LinearDType): number {
  if (typeof value !== "number") throw wrongType("an integer", "zeroPoint", value);
  const { min, max } = dtype === "int32" ? { min: 0, max: 0 } : QUANTIZED_TYPES[dtype].full;
  if (!Number.isInteger(value) || value < min || value > max)
    throw outOfRange(min === max ? `${min}` : `an integer in ${min}..${max}`, "zeroPoint", value);
  return value;
}

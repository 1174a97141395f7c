import { axisLayout, requireShape } from "../axis.js";
import { outOfRange, wrongType } from "../errors.js";
import type { IntegerRange } from "./quantized-type.js";

export interface LinearParams {
  /**
   * Size of a quantization step, as float32: one number for all elements, or one per index of `axis`. A list of one counts as a
   * number, as in ONNX.
   */
  scale: number | Float32Array | readonly number[];
  /** What 0 becomes: an integer of the quantized type, or one per scale. Default 0. */
  zeroPoint?: number | Int8Array | Uint8Array | Int32Array | readonly number[] | undefined;
  /** Sizes of the input, outermost first. Needed with one scale per index; without them only checked. */
  shape?: readonly number[] | undefined;
  /** The axis that the scales belong to; negative counts from the end. Default 1, as in ONNX. */
  axis?: number | undefined;
}

export interface PerTensor {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface PerAxis {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly inner: number;
}

/** Which float32 values an operation takes as a scale: those above `above` that are finite. */
export interface ScaleRule {
  readonly expected: string;
  readonly above: number;
}

/** Checks the parameters of a linear quantization of `length` elements and brings them into the form that backends take. */
export function resolveParams(
  length: number,
  { scale, zeroPoint = 0, shape, axis = 1 }: LinearParams,
  range: IntegerRange,
  rule: ScaleRule,
): PerTensor | PerAxis {
  if (shape !== undefined) requireShape(shape, length);
  if (typeof scale === "number")
    return { scale: requireScale(scale, rule), zeroPoint: requireZeroPoint(only(zeroPoint), range) };

  const scales = scaleArray(scale, rule);
  const zeroPoints = zeroPointArray(zeroPoint, scales.length, range);
  if (scales.length === 1) return { scale: scales[0]!, zeroPoint: zeroPoints[0]! };

  if (shape === undefined)
    throw wrongType("the sizes of the input, which several scales need,", "shape", shape);
  const { channels, inner } = axisLayout(shape, axis);
  if (channels !== scales.length)
    throw outOfRange(`${channels} values, the size of axis ${axis},`, "scale", scales.length);
  return { scales, zeroPoints, inner };
}

function only(zeroPoint: NonNullable<LinearParams["zeroPoint"]>): unknown {
  if (typeof zeroPoint !== "object" || zeroPoint === null) return zeroPoint;
  if (zeroPoint.length !== 1)
    throw outOfRange("one value, as scale is one number,", "zeroPoint", zeroPoint.length);
  return zeroPoint[0];
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

function zeroPointArray(zeroPoint: unknown, length: number, range: IntegerRange): Int32Array {
  if (typeof zeroPoint === "number") return new Int32Array(length).fill(requireZeroPoint(zeroPoint, range));
  const typed =
    zeroPoint instanceof Int8Array || zeroPoint instanceof Uint8Array || zeroPoint instanceof Int32Array;
  if (!(typed || Array.isArray(zeroPoint)))
    throw wrongType("an integer, an integer array or an array of integers", "zeroPoint", zeroPoint);
  if (zeroPoint.length !== length)
    throw outOfRange(`${length} values, as scale has,`, "zeroPoint", zeroPoint.length);
  for (let i = 0; i < length; i++) requireZeroPoint(zeroPoint[i], range);
  return zeroPoint instanceof Int32Array ? zeroPoint : new Int32Array(zeroPoint);
}

function requireScale(value: unknown, rule: ScaleRule): number {
  if (typeof value !== "number") throw wrongType(rule.expected, "scale", value);
  const scale = Math.fround(value);
  if (!(scale > rule.above && scale < Infinity)) throw outOfRange(rule.expected, "scale", value);
  return scale;
}

function requireZeroPoint(value: unknown, { min, max }: IntegerRange): number {
  if (typeof value !== "number") throw wrongType("an integer", "zeroPoint", value);
  if (!Number.isInteger(value) || value < min || value > max)
    throw outOfRange(min === max ? `${min}` : `an integer in ${min}..${max}`, "zeroPoint", value);
  return value;
}

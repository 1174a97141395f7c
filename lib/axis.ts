import { outOfRange, wrongType } from "./errors.js";
import { elementCount } from "./tensor.js";

/** A shape seen from one of its axes: [outer, channels, inner]. */
export interface AxisLayout {
  readonly channels: number;
  /** Elements from one channel to the next. */
  readonly inner: number;
}

/** @throws TypeError or RangeError unless `shape` is a list of sizes with `length` elements in all. */
export function requireShape(shape: readonly number[], length: number): void {
  if (!Array.isArray(shape)) throw wrongType("an array of sizes", "shape", shape);
  const valid = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!valid) throw outOfRange("whole sizes, 0 or more,", "shape", `[${shape.join(", ")}]`);
  if (elementCount(shape) !== length)
    throw outOfRange(`${length} elements`, "shape", `[${shape.join(", ")}]`);
}

/** Splits `shape` at `axis`; a negative axis counts from the end, as in ONNX. */
export function axisLayout(shape: readonly number[], axis: number): AxisLayout {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw outOfRange(`an axis of shape [${shape.join(", ")}]`, "axis", axis);
  const index = axis < 0 ? axis + rank : axis;
  return { channels: shape[index]!, inner: elementCount(shape.slice(index + 1)) };
}

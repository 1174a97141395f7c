import { axisLayout, requireShape } from "../axis.js";
import { requireFloat32, requireFloat32Output } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";

export interface PruneNMOptions extends CallOptions {
  /** How many values of a group stay: 0 to `of`. */
  keep: number;
  /** How many neighbours make a group: 2 to 64. */
  of: number;
  /** Sizes of x, outermost first; default: x has one axis. */
  shape?: readonly number[] | undefined;
  /** The axis that groups lie along, whose size is a multiple of `of`; negative counts from the end. Default: the last one. */
  axis?: number | undefined;
  /** Where the result goes: as long as x, apart from it in memory or x itself. Default: a new array. */
  out?: Float32Array | undefined;
}

const MAX_GROUP = 64;

/**
 * x with zeros in place of all but the `keep` largest magnitudes of each `of` neighbours along an axis (N:M sparsity: Mishra et al.,
 * Accelerating Sparse Deep Neural Networks, 2021). Texts differ in whether N counts what stays or what goes, so the options say it:
 * { keep: 2, of: 4 } is 2:4. Of equal magnitudes those that come first go; NaN counts as larger than infinity. Sparse tensor cores
 * want 2:4 along the inputs of a product: axis 1 of a Gemm's or Conv's weight [outputs, inputs, ...], axis 0 of a MatMul's.
 *
 * @example
 * pruneNM(weights, { keep: 2, of: 4, shape: [512, 2048], axis: 1, out: weights }); // in place
 *
 * @throws TypeError if x or out is not a Float32Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if keep or of is out of range, the axis has no size that is a multiple of `of`, or shape, out or backend do not fit.
 */
export function pruneNM(x: Float32Array, options: PruneNMOptions): Float32Array {
  return runCall(prepare(x, options), options);
}

/** pruneNM off the event loop; leave the arrays as they are until the promise settles. */
export function pruneNMAsync(
  x: Float32Array,
  options: PruneNMOptions & AsyncCallOptions,
): Promise<Float32Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, { keep, of, shape, axis = -1, out }: PruneNMOptions): Call<Float32Array> {
  requireFloat32(x, "x");
  requireCount(of, "of", 2, MAX_GROUP);
  requireCount(keep, "keep", 0, of);
  const sizes = shape ?? [x.length];
  requireShape(sizes, x.length);
  const { channels: size, inner } = axisLayout(sizes, axis);
  if (size % of !== 0) throw outOfRange(`an axis whose size is a multiple of ${of}`, "axis", `size ${size}`);
  if (out !== undefined) requireFloat32Output(out, x);
  const result = out ?? newArray(Float32Array, x.length);
  return {
    elements: x.length,
    jsUpTo: 12,
    arrays: [x, result],
    run: (operations, ...execution) =>
      operations.pruneNM(x, result, keep, of, Math.max(1, inner), ...execution),
    result: () => result,
  };
}

function requireCount(value: unknown, name: string, least: number, most: number): void {
  if (typeof value !== "number") throw wrongType("a number", name, value);
  if (!Number.isInteger(value) || value < least || value > most)
    throw outOfRange(`a whole number in ${least}..${most}`, name, value);
}

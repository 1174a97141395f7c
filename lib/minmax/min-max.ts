import { axisLayout, requireShape } from "../axis.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";

export interface MinMaxOptions extends CallOptions {
  /** Sizes of x, outermost first. Needed with `axis`; without it only checked. */
  shape?: readonly number[] | undefined;
  axis?: undefined;
  out?: undefined;
}

export interface MinMaxPerAxisOptions extends Omit<MinMaxOptions, "shape" | "axis" | "out"> {
  shape: readonly number[];
  /** The axis whose every index gets a range of its own; negative counts from the end. */
  axis: number;
  /** Arrays for the result, one element per index of the axis. */
  out?: MinMaxArrays | undefined;
}

export interface MinMax {
  min: number;
  max: number;
}

export interface MinMaxArrays {
  min: Float32Array;
  max: Float32Array;
}

/** Serves all synchronous calls: a fresh array would cost more than a short input. */
const sharedRange = new Float32Array(2);

/**
 * The smallest and the largest value of x: two numbers, or with `axis` two arrays with one value per index of that axis.
 *
 * A NaN in the values makes their result NaN: bad data must not pass as a range. Infinities are values like others.
 * A zero result is +0.
 *
 * @throws TypeError if x or an `out` array is not a Float32Array.
 * @throws RangeError if there is no value to look at, or if shape, axis, out or backend do not fit.
 */
export function minMax(x: Float32Array, options?: MinMaxOptions): MinMax;
export function minMax(x: Float32Array, options: MinMaxPerAxisOptions): MinMaxArrays;
export function minMax(
  x: Float32Array,
  options: MinMaxOptions | MinMaxPerAxisOptions = {},
): MinMax | MinMaxArrays {
  return runCall(prepare(x, options, sharedRange), options);
}

/** minMax off the event loop; leave the arrays as they are until the promise settles. */
export function minMaxAsync(x: Float32Array, options?: MinMaxOptions & AsyncCallOptions): Promise<MinMax>;
export function minMaxAsync(
  x: Float32Array,
  options: MinMaxPerAxisOptions & AsyncCallOptions,
): Promise<MinMaxArrays>;
export function minMaxAsync(
  x: Float32Array,
  options: (MinMaxOptions | MinMaxPerAxisOptions) & AsyncCallOptions = {},
): Promise<MinMax | MinMaxArrays> {
  return runCallAsync(() => prepare(x, options, new Float32Array(2)), options);
}

function prepare(
  x: Float32Array,
  { shape, axis, out }: MinMaxOptions | MinMaxPerAxisOptions,
  range: Float32Array,
): Call<MinMax | MinMaxArrays> {
  requireFloat32(x, "x");
  if (shape !== undefined) requireShape(shape, x.length);
  if (x.length === 0) throw outOfRange("at least one element", "x", "none");
  if (axis === undefined) {
    return {
      elements: x.length,
      jsUpTo: 128,
      arrays: [x],
      run: (operations, ...execution) => operations.minMax(x, range, ...execution),
      result: () => ({ min: range[0]!, max: range[1]! }),
    };
  }
  if (shape === undefined) throw wrongType("the sizes of x, which axis needs,", "shape", shape);
  const { channels, inner } = axisLayout(shape, axis);
  const result = out ?? { min: new Float32Array(channels), max: new Float32Array(channels) };
  requireFloat32(result.min, "out.min");
  requireFloat32(result.max, "out.max");
  requireOutput(result.min, channels, x);
  requireOutput(result.max, channels, x);
  requireOutput(result.max, channels, result.min);
  return {
    elements: x.length,
    jsUpTo: 48,
    arrays: [x, result.min, result.max],
    run: (operations, ...execution) =>
      operations.minMaxPerAxis(x, result.min, result.max, inner, ...execution),
    result: () => result,
  };
}

import { axisLayout, requireShape } from "../axis.js";
import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { wrongType } from "../errors.js";
import { type NormName, orderOf } from "./norm-name.js";

export interface ChannelNormsOptions extends CallOptions {
  /** "l1": the sum of magnitudes. "l2": the root of the sum of squares. */
  norm: NormName;
  /** Sizes of x, outermost first; default: x has one axis. */
  shape?: readonly number[] | undefined;
  /** The axis whose every index is a channel; negative counts from the end. Default: all of x is one channel. */
  axis?: number | undefined;
  /** Where the result goes, one element for each channel. Default: a new array. */
  out?: Float64Array | undefined;
}

/**
 * The norm of each channel of x: of filters, for example, to find those that matter least (Li et al., Pruning Filters for Efficient
 * ConvNets, 2017). Sums are taken in float64 in an order that depends on the shape alone, so that every backend and number of threads
 * gives the same bits. NaN gives NaN; a channel of no elements has norm 0.
 *
 * @example
 * const norms = channelNorms(weights, { norm: "l1", shape: [64, 32, 3, 3], axis: 0 }); // one for each of 64 filters
 *
 * @throws TypeError if x is not a Float32Array, out not a Float64Array, one is detached, or an option is of the wrong kind.
 * @throws RangeError if norm is none of the two, or shape, axis, out or backend do not fit.
 */
export function channelNorms(x: Float32Array, options: ChannelNormsOptions): Float64Array {
  return runCall(prepare(x, options), options);
}

/** channelNorms off the event loop; leave the arrays as they are until the promise settles. */
export function channelNormsAsync(
  x: Float32Array,
  options: ChannelNormsOptions & AsyncCallOptions,
): Promise<Float64Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, { norm, shape, axis, out }: ChannelNormsOptions): Call<Float64Array> {
  requireFloat32(x, "x");
  const order = orderOf(norm);
  const sizes = shape ?? [x.length];
  requireShape(sizes, x.length);
  const { channels, inner } = axis === undefined ? { channels: 1, inner: x.length } : axisLayout(sizes, axis);
  const norms = out ?? new Float64Array(channels);
  if (!(norms instanceof Float64Array)) throw wrongType("a Float64Array", "out", norms);
  requireOutput(norms, channels, x);
  return {
    elements: x.length,
    jsUpTo: 4,
    arrays: [x, norms],
    run: (operations, ...execution) =>
      operations.channelNorms(x, norms, Math.max(1, inner), order, ...execution),
    result: () => norms,
  };
}

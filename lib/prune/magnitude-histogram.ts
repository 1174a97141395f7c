import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";

export interface MagnitudeHistogramOptions extends CallOptions {
  /** Count the magnitudes of this bin by their lower 16 bits: 0 to 2^15 - 1. Default: all by their upper 15. */
  within?: number | undefined;
  /** 2^15 elements, or 2^16 with `within`; overwritten. */
  out?: Float64Array | undefined;
}

const UPPER_BINS = 2 ** 15;
const LOWER_BINS = 2 ** 16;

/**
 * Counts magnitudes by their bits: element b of the result is how many values have b for the upper 15 of the 31 bits that a float32 has
 * without its sign, which is the exponent and 7 bits of the fraction. Bins are in the order of the magnitudes, each less than
 * 1/128 wide; 0 is in the first, infinity in bin 0x7f80, NaN there and above. With `within` the values of one bin are counted by
 * the other 16 bits, so that two calls know every rank exactly (distribution counting: Knuth, The Art of Computer Programming 3).
 *
 * @throws TypeError if x is not a Float32Array, `out` not a Float64Array, or `within` not a number.
 * @throws RangeError if `within` is not an integer from 0 to 2^15 - 1, or out or backend do not fit.
 */
export function magnitudeHistogram(x: Float32Array, options: MagnitudeHistogramOptions = {}): Float64Array {
  return runCall(prepare(x, options), options);
}

/** magnitudeHistogram off the event loop; leave the arrays as they are until the promise settles. */
export function magnitudeHistogramAsync(
  x: Float32Array,
  options: MagnitudeHistogramOptions & AsyncCallOptions = {},
): Promise<Float64Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, { within, out }: MagnitudeHistogramOptions): Call<Float64Array> {
  requireFloat32(x, "x");
  if (within !== undefined && typeof within !== "number") throw wrongType("a number", "within", within);
  if (within !== undefined && !(Number.isInteger(within) && within >= 0 && within < UPPER_BINS))
    throw outOfRange(`an integer from 0 to ${UPPER_BINS - 1}`, "within", within);
  const bins = within === undefined ? UPPER_BINS : LOWER_BINS;
  if (out !== undefined) {
    if (!(out instanceof Float64Array)) throw wrongType("a Float64Array", "out", out);
    requireOutput(out, bins, x);
  }
  const counts = out ?? new Float64Array(bins);
  return {
    elements: x.length,
    jsUpTo: 1536,
    arrays: [x, counts],
    run: (operations, ...execution) => operations.magnitudeHistogram(x, within ?? -1, counts, ...execution),
    result: () => counts,
  };
}

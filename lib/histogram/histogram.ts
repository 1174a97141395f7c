import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";

export interface HistogramOptions extends CallOptions {
  /** The left edge of the first bin. */
  min: number;
  /** The right edge of the last bin; where it equals min, the bins go from min - 0.5 to max + 0.5. */
  max: number;
  /** How many bins of equal width: 1 to 2^24. */
  bins: number;
  /** One element per bin, overwritten. */
  out?: Float64Array | undefined;
}

const MAX_BINS = 2 ** 24;

/**
 * Counts the values of x in bins of equal width from min to max, exactly as numpy.histogram(x, bins, range=(min, max)) does for
 * a float32 array: edge i is float32(min + i * (max - min) / bins), a bin holds its left edge, the last one both. NaN and values
 * outside the range are not counted.
 *
 * Counts are float64, which is exact beyond any array's length.
 *
 * @throws TypeError if x is not a Float32Array, `out` not a Float64Array, or min, max or bins not a number.
 * @throws RangeError if min, max or max - min is not a finite float32, max < min, bins is not an integer from 1 to 2^24, two edges
 * are one float32, or out or backend do not fit.
 */
export function histogram(x: Float32Array, options: HistogramOptions): Float64Array {
  return runCall(prepare(x, options), options);
}

/** histogram off the event loop; leave the arrays as they are until the promise settles. */
export function histogramAsync(
  x: Float32Array,
  options: HistogramOptions & AsyncCallOptions,
): Promise<Float64Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, { min, max, bins, out }: HistogramOptions): Call<Float64Array> {
  requireFloat32(x, "x");
  const range = requireRange(min, max);
  requireBins(bins, range.min, range.max);
  if (out !== undefined) {
    if (!(out instanceof Float64Array)) throw wrongType("a Float64Array", "out", out);
    requireOutput(out, bins, x);
  }
  const counts = out ?? new Float64Array(bins);
  return {
    elements: x.length,
    jsUpTo: 96 + bins / 16,
    arrays: [x, counts],
    run: (operations, ...execution) => operations.histogram(x, range.min, range.max, counts, ...execution),
    result: () => counts,
  };
}

function requireRange(min: unknown, max: unknown): { min: number; max: number } {
  for (const [name, value] of Object.entries({ min, max })) {
    if (typeof value !== "number") throw wrongType("a number", name, value);
    if (!Number.isFinite(Math.fround(value))) throw outOfRange("a finite float32", name, value);
  }
  const [low, high] = [min as number, max as number];
  if (low > high) throw outOfRange(`at most max (${high})`, "min", low);
  if (Math.fround(high - low) === Infinity)
    throw outOfRange("a distance from min to max that float32 can hold", "max", high);
  return low === high ? { min: low - 0.5, max: high + 0.5 } : { min: low, max: high };
}

function requireBins(bins: unknown, min: number, max: number): asserts bins is number {
  if (typeof bins !== "number") throw wrongType("a number", "bins", bins);
  if (!Number.isInteger(bins) || bins < 1 || bins > MAX_BINS)
    throw outOfRange(`an integer from 1 to ${MAX_BINS}`, "bins", bins);
  const step = (max - min) / bins;
  // Twice the distance between the largest float32 of the range: rounding cannot bring two edges together.
  if (step > 2 ** -22 * Math.max(Math.abs(min), Math.abs(max), 2 ** -126)) return;
  for (let i = 1, left = Math.fround(min); i <= bins; i++) {
    const right = Math.fround(i === bins ? max : i * step + min);
    if (right <= left)
      throw outOfRange(`so few that the edges from ${min} to ${max} differ as float32`, "bins", bins);
    left = right;
  }
}

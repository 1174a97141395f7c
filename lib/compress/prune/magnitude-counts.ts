import { magnitudeHistogram, magnitudeHistogramAsync } from "../../prune/magnitude-histogram.js";
import { type MaskContext, notFinite } from "./mask.js";
import type { Weight } from "./weight.js";

/** A magnitude has 31 bits; the upper ones, exponent and 7 bits of fraction, are what is counted by first. */
const LOW_BITS = 16;
const UPPER_BINS = 1 << (31 - LOW_BITS);
const LOWER_BINS = 1 << LOW_BITS;
/** From here on bins hold infinity and NaN. */
const FIRST_NOT_FINITE = 0x7f80;

/** How many magnitudes of a weight are in which bin: those that hold any, in rising order. */
export interface BinCounts {
  readonly bins: Uint16Array;
  readonly counts: Float64Array;
}

/** Memory for counting one weight after the other. */
export class MagnitudeCounter {
  private readonly upper = new Float64Array(UPPER_BINS);
  private readonly lower = new Float64Array(LOWER_BINS);

  /**
   * Counts by the upper bits, and tells how many values are 0.
   *
   * @throws ModelFormatError TENSOR_INVALID where some are NaN or infinite
   */
  async countUpper(
    weight: Weight,
    values: Float32Array,
    context: MaskContext,
  ): Promise<BinCounts & { zeros: number }> {
    const { signal } = context;
    const counts = await magnitudeHistogramAsync(values, { out: this.upper, signal });
    if (counts.subarray(FIRST_NOT_FINITE).some((count) => count > 0)) throw notFinite(weight, context);
    const zeros = counts[0] === 0 ? 0 : magnitudeHistogram(values, { within: 0, out: this.lower })[0]!;
    return { ...filled(counts), zeros };
  }

  /** Counts those of one bin by their lower bits. */
  async countWithin(values: Float32Array, bin: number, { signal }: MaskContext): Promise<BinCounts> {
    return filled(await magnitudeHistogramAsync(values, { within: bin, out: this.lower, signal }));
  }
}

function filled(all: Float64Array): BinCounts {
  const bins: number[] = [];
  for (let bin = 0; bin < all.length; bin++) if (all[bin]! > 0) bins.push(bin);
  return { bins: Uint16Array.from(bins), counts: Float64Array.from(bins, (bin) => all[bin]!) };
}

/** How many are in bins below one, and in that. */
export function countAround({ bins, counts }: BinCounts, bin: number): { below: number; within: number } {
  let below = 0;
  let i = 0;
  for (; i < bins.length && bins[i]! < bin; i++) below += counts[i]!;
  return { below, within: bins[i] === bin ? counts[i]! : 0 };
}

/** The bin that the value of rank k, from 1, of several weights together is in, and how many are below that. */
export function binOfRank(weights: readonly BinCounts[], k: number): { bin: number; below: number } {
  const total = new Float64Array(LOWER_BINS);
  for (const { bins, counts } of weights) for (const [i, bin] of bins.entries()) total[bin]! += counts[i]!;
  let below = 0;
  let bin = 0;
  while (below + total[bin]! < k) below += total[bin++]!;
  return { bin, below };
}

const bits = new Int32Array(1);
const value = new Float32Array(bits.buffer);

/** The float32 whose bits are those of a bin and what follows. */
export function magnitudeAt(bin: number, low = 0): number {
  bits[0] = (bin << LOW_BITS) | low;
  return value[0]!;
}

import { minMax } from "../minmax/min-max.js";
import { summarize } from "../minmax/summarize.js";
import type { ObservedRange, Observer } from "./observer.js";
import { type Bin, ordinaryPower, QuantizationNoise } from "./quantization-noise.js";
import { StreamingHistogram } from "./streaming-histogram.js";

/** What was counted. */
export interface Counted {
  readonly histogram: StreamingHistogram;
  readonly bins: readonly Bin[];
  readonly noise: QuantizationNoise;
}

/** Chooses the range to keep from what was counted and seen. */
export type RangeRule = (counted: Counted, seen: SeenRange) => { min: number; max: number };

/** What was seen: its ends, how many values, and how many samples they came from. */
export interface SeenRange {
  min: number;
  max: number;
  count: number;
  samples: number;
  /** Of the ends of each sample, summed over the samples; 0 where nobody asked for them. */
  sumOfMins: number;
  sumOfMaxs: number;
}

/** Counts every value seen, and lets a rule choose the range from the counts. */
export class HistogramObserver implements Observer {
  private readonly histogram = new StreamingHistogram();
  private readonly seen: SeenRange = {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    count: 0,
    samples: 0,
    sumOfMins: 0,
    sumOfMaxs: 0,
  };

  /** @param bySample whether the rule looks at the ends of each sample */
  constructor(
    private readonly rule: RangeRule,
    private readonly bySample: boolean,
  ) {}

  observe(values: Float32Array, samples = 1): void {
    if (values.length === 0) return;
    const { min, max, zeros, nans } = summarize(values);
    if (nans > 0 || !Number.isFinite(min) || !Number.isFinite(max))
      throw new RangeError("Expected finite values but received NaN or infinity");
    this.histogram.add(values, { min, max, zeros });
    this.seen.min = Math.min(this.seen.min, min);
    this.seen.max = Math.max(this.seen.max, max);
    this.seen.count += values.length;
    this.seen.samples += samples;
    if (!this.bySample) return;
    const ends = minMax(values, { shape: [samples, values.length / samples], axis: 0 });
    this.seen.sumOfMins += sum(ends.min);
    this.seen.sumOfMaxs += sum(ends.max);
  }

  result(): ObservedRange {
    const { count } = this.seen;
    if (count === 0) return { min: 0, max: 0, count, sqnrDb: Number.POSITIVE_INFINITY };
    const bins = this.histogram.bins();
    const noise = new QuantizationNoise(bins);
    const chosen = this.rule({ histogram: this.histogram, bins, noise }, this.seen);
    const min = Math.max(chosen.min, this.seen.min);
    const max = Math.min(chosen.max, this.seen.max);
    const lost = noise.over(min, max);
    const sqnrDb = lost === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(ordinaryPower(bins) / lost);
    return { min, max, count, sqnrDb };
  }
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

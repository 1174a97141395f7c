import { minMax } from "../minmax/min-max.js";
import type { ObservedRange, Observer } from "./observer.js";
import { noiseOf, ordinaryPower } from "./quantization-noise.js";
import { StreamingHistogram } from "./streaming-histogram.js";

/** Chooses the range to keep from what was counted; min and max are the ends of what was seen. */
export type RangeRule = (histogram: StreamingHistogram, seen: SeenRange) => { min: number; max: number };

/** What was seen: its ends, and how many values. */
export interface SeenRange {
  min: number;
  max: number;
  count: number;
}

/** Counts every value seen, and lets a rule choose the range from the counts. */
export class HistogramObserver implements Observer {
  private readonly histogram = new StreamingHistogram();
  private readonly seen: SeenRange = {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    count: 0,
  };

  constructor(private readonly rule: RangeRule) {}

  observe(values: Float32Array): void {
    if (values.length === 0) return;
    const { min, max } = minMax(values);
    if (!Number.isFinite(min) || !Number.isFinite(max))
      throw new RangeError("Expected finite values but received NaN or infinity");
    this.histogram.add(values, min, max);
    this.seen.min = Math.min(this.seen.min, min);
    this.seen.max = Math.max(this.seen.max, max);
    this.seen.count += values.length;
  }

  result(): ObservedRange {
    if (this.seen.count === 0) return { ...this.seen, sqnrDb: Number.POSITIVE_INFINITY };
    const chosen = this.rule(this.histogram, this.seen);
    const min = Math.max(chosen.min, this.seen.min);
    const max = Math.min(chosen.max, this.seen.max);
    const bins = this.histogram.bins();
    const sqnrDb = 10 * Math.log10(ordinaryPower(bins) / noiseOf(bins, min, max));
    return {
      min,
      max,
      count: this.seen.count,
      sqnrDb: Number.isNaN(sqnrDb) ? Number.POSITIVE_INFINITY : sqnrDb,
    };
  }
}

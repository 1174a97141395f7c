import { HistogramObserver } from "./histogram-observer.js";
import { mseRange } from "./mse-range.js";
import { percentileRange } from "./percentile-range.js";

/** The range to quantize one tensor with. */
export interface ObservedRange {
  min: number;
  max: number;
  /** How many values were seen. */
  count: number;
  /** Decibels that 8 bits over this range keep of the ordinary values, all but the largest hundredth; Infinity where nothing is lost. */
  sqnrDb: number;
}

/** Folds the values of one tensor, run after run, into a range. Memory does not grow with the number of runs. */
export interface Observer {
  /** Takes the values of one run; throws RangeError when one of them is NaN or infinite. */
  observe(values: Float32Array): void;
  result(): ObservedRange;
}

const METHODS = {
  minmax: () => new HistogramObserver((_, { min, max }) => ({ min, max })),
  percentile: () => new HistogramObserver(percentileRange()),
  mse: () => new HistogramObserver(mseRange),
} satisfies Record<string, () => Observer>;

/** The names of the ways to find a range. */
export type ObserverMethod = keyof typeof METHODS;

/** A fresh observer of the given method. */
export function createObserver(method: ObserverMethod): Observer {
  return METHODS[method]();
}

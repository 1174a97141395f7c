import { entropyRange } from "./entropy-range.js";
import { HistogramObserver, type RangeRule } from "./histogram-observer.js";
import { mseRange } from "./mse-range.js";
import type { ObserverMethod } from "./observer-methods.js";
import { percentileRange } from "./percentile-range.js";

/** The range to quantize one tensor with. */
export interface ObservedRange {
  min: number;
  max: number;
  /** How many values were seen; 0 where no sample reached the tensor. */
  count: number;
  /** Decibels that 8 bits over this range keep of the ordinary values, all but the largest hundredth; Infinity where nothing is lost. */
  sqnrDb: number;
}

/** Folds the values of one tensor, run after run, into a range. Memory does not grow with the number of runs. */
export interface Observer {
  /**
   * Takes the values of one run, which holds so many samples one after the other.
   * @throws RangeError when a value is NaN or infinite
   */
  observe(values: Float32Array, samples?: number): void;
  result(): ObservedRange;
}

export interface ObserverOptions {
  readonly method: ObserverMethod;
  /** For percentile: how many percent of the values lie in the range, from 50 to 100; onnxruntime's default is 99.999. */
  readonly percentile?: number | undefined;
}

const RULES = {
  minmax:
    () =>
    (_, { min, max }) => ({ min, max }),
  "moving-average":
    () =>
    (_, { samples, sumOfMins, sumOfMaxs }) => ({
      min: sumOfMins / samples,
      max: sumOfMaxs / samples,
    }),
  percentile: ({ percentile }) => percentileRange(percentile),
  entropy: () => entropyRange,
  mse: () => mseRange,
} satisfies Record<ObserverMethod, (options: ObserverOptions) => RangeRule>;

/** A fresh observer of the given method. Every method needs one pass over the samples, in any order. */
export function createObserver(options: ObserverOptions): Observer {
  return new HistogramObserver(RULES[options.method](options), options.method === "moving-average");
}

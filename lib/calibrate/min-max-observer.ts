import { minMax } from "../minmax/min-max.js";
import type { ObservedRange, Observer } from "./observer.js";

/** The smallest and largest value ever seen. */
export class MinMaxObserver implements Observer {
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  private count = 0;

  observe(values: Float32Array): void {
    if (values.length === 0) return;
    const { min, max } = minMax(values);
    if (!Number.isFinite(min) || !Number.isFinite(max))
      throw new RangeError("Expected finite values but received NaN or infinity");
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    this.count += values.length;
  }

  result(): ObservedRange {
    return { min: this.min, max: this.max, count: this.count };
  }
}

import type { RangeRule } from "./histogram-observer.js";

/** onnxruntime's default. */
const PERCENTILE = 99.999;

/** The range that leaves (100 - percentile) / 2 percent of the values outside on each side. */
export function percentileRange(percentile = PERCENTILE): RangeRule {
  return (histogram, { count }) => {
    const cut = (count * (100 - percentile)) / 200;
    const bins = histogram.bins();
    const half = histogram.width / 2;
    const edge = (ordered: typeof bins): number => {
      let passed = 0;
      for (const { centre, count: inBin } of ordered) {
        passed += inBin;
        if (passed > cut) return centre;
      }
      return 0;
    };
    return { min: edge(bins) - half, max: edge(bins.toReversed()) + half };
  };
}

import type { RangeRule } from "./histogram-observer.js";

/** onnxruntime's default. */
export const DEFAULT_PERCENTILE = 99.999;

/** The range that leaves (100 - percentile) / 2 percent of the values outside on each side, to the width of a bin. */
export function percentileRange(percentile = DEFAULT_PERCENTILE): RangeRule {
  return ({ histogram, bins }, { count }) => {
    const cut = (count * (100 - percentile)) / 200;
    const half = histogram.width / 2;
    const edge = (ordered: typeof bins, outwards: number): number => {
      let passed = 0;
      for (const { centre, count: inBin } of ordered) {
        passed += inBin;
        if (passed >= cut) return centre === 0 ? 0 : centre + outwards;
      }
      return 0;
    };
    return { min: edge(bins, -half), max: edge(bins.toReversed(), half) };
  };
}

import type { RangeRule } from "./histogram-observer.js";
import { noiseOf } from "./quantization-noise.js";

/** Shares of each end of the range that are tried. */
const SHARES = [
  1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1,
];

/**
 * The range whose 8-bit steps have the smallest mean squared error over what was counted: a narrower range has finer
 * steps for most values and cuts the rare large ones. Both ends are tried together and apart.
 */
export const mseRange: RangeRule = (histogram, { min, max }) => {
  const bins = histogram.bins();
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  let best = { min: low, max: high, noise: noiseOf(bins, low, high) };
  for (const left of low < 0 ? SHARES : [1])
    for (const right of high > 0 ? SHARES : [1]) {
      const noise = noiseOf(bins, low * left, high * right);
      if (noise < best.noise) best = { min: low * left, max: high * right, noise };
    }
  return best;
};

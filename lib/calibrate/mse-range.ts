import type { RangeRule } from "./histogram-observer.js";

/** Shares of each end that are tried first: from all of it to a hundredth, each this much of the one before. */
const RATIO = 0.9;
const STEPS = 44;
/** Then so many on both sides of the best, up to its neighbours. */
const FINE_STEPS = 5;

const COARSE = Array.from({ length: STEPS }, (_, i) => RATIO ** i);
const FINE = Array.from({ length: 2 * FINE_STEPS + 1 }, (_, i) => RATIO ** (i / FINE_STEPS - 1));

/**
 * The range whose 8-bit steps have the smallest mean squared error over what was counted: a narrower range has finer
 * steps for most values and cuts the rare large ones. Both ends are tried together and apart.
 */
export const mseRange: RangeRule = ({ noise }, { min, max }) => {
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  let best = { min: low, max: high, noise: noise.over(low, high) };
  const search = ({ min: left, max: right }: typeof best, shares: readonly number[]): void => {
    const sharesOf = (end: number) => (end === 0 ? [1] : shares);
    for (const leftShare of sharesOf(left))
      for (const rightShare of sharesOf(right)) {
        const range = { min: Math.max(low, left * leftShare), max: Math.min(high, right * rightShare) };
        const candidate = { ...range, noise: noise.over(range.min, range.max) };
        if (candidate.noise < best.noise) best = candidate;
      }
  };
  search(best, COARSE);
  search(best, FINE);
  return best;
};

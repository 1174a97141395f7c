/** Steps of an 8-bit type. */
const LEVELS = 255;

interface Bin {
  readonly centre: number;
  readonly count: number;
}

/** The largest values that do not count as the ordinary signal. */
const EXTREMES = 0.01;

/**
 * Sum of squares of the ordinary values: all but the largest hundredth. A few huge values would make any range look
 * good, though everything else is lost in its first step.
 */
export function ordinaryPower(bins: readonly Bin[]): number {
  const ordered = bins.toSorted((a, b) => Math.abs(b.centre) - Math.abs(a.centre));
  let extremes = EXTREMES * bins.reduce((sum, { count }) => sum + count, 0);
  let power = 0;
  for (const { centre, count } of ordered) {
    const left = Math.max(count - extremes, 0);
    extremes = Math.max(extremes - count, 0);
    power += left * centre * centre;
  }
  return power;
}

/**
 * Sum of squared errors when what was counted is quantized to 8 bits over min..max, widened to hold zero: what lies
 * outside is cut, the rounding error inside is spread evenly over a step, and zero is exact.
 */
export function noiseOf(bins: readonly Bin[], min: number, max: number): number {
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  const step = (high - low) / LEVELS;
  const rounding = (step * step) / 12;
  let noise = 0;
  for (const { centre, count } of bins) {
    if (centre === 0) continue;
    const cut = centre > high ? centre - high : centre < low ? low - centre : 0;
    noise += count * (cut === 0 ? rounding : cut * cut);
  }
  return noise;
}

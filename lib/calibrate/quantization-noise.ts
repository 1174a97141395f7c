/** Steps of an 8-bit type. */
const LEVELS = 255;

export interface Bin {
  readonly centre: number;
  readonly count: number;
}

/** The largest values that do not count as the ordinary signal. */
const EXTREMES = 0.01;

/**
 * Sum of squares of the ordinary values: all but the largest hundredth. A few huge values would make any range look
 * good, though everything else is lost in its first step.
 *
 * @param bins in rising order
 */
export function ordinaryPower(bins: readonly Bin[]): number {
  let extremes = EXTREMES * bins.reduce((sum, { count }) => sum + count, 0);
  let power = 0;
  for (let low = 0, high = bins.length - 1; low <= high; ) {
    const { centre, count } = -bins[low]!.centre > bins[high]!.centre ? bins[low++]! : bins[high--]!;
    const left = Math.max(count - extremes, 0);
    extremes = Math.max(extremes - count, 0);
    power += left * centre * centre;
  }
  return power;
}

/** Tells of any range how much is lost when what was counted is quantized to 8 bits over it. */
export class QuantizationNoise {
  private readonly nonzero: number;
  /** Of the bins at one end up to bin i: how many values they hold, their sum and the sum of their squares. */
  private readonly below: Sums;
  private readonly above: Sums;

  /** @param bins in rising order */
  constructor(private readonly bins: readonly Bin[]) {
    this.nonzero = bins.reduce((sum, { centre, count }) => sum + (centre === 0 ? 0 : count), 0);
    this.below = new Sums(bins);
    this.above = new Sums(bins.toReversed());
  }

  /**
   * Sum of squared errors over min..max, widened to hold zero: what lies outside is cut, the rounding error inside is
   * spread evenly over a step, and zero is exact.
   */
  over(min: number, max: number): number {
    const low = Math.min(min, 0);
    const high = Math.max(max, 0);
    const under = this.countWhere((centre) => centre < low);
    const over = this.bins.length - this.countWhere((centre) => centre <= high);
    const step = (high - low) / LEVELS;
    const inside = this.nonzero - this.below.count[under]! - this.above.count[over]!;
    return (
      (inside * step * step) / 12 +
      this.below.squaresAround(low, under) +
      this.above.squaresAround(high, over)
    );
  }

  /** How many bins come before the first one that is not so. */
  private countWhere(isBefore: (centre: number) => boolean): number {
    let [from, to] = [0, this.bins.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (isBefore(this.bins[middle]!.centre)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** Sums over the first i bins. */
class Sums {
  readonly count: Float64Array;
  private readonly sum: Float64Array;
  private readonly squares: Float64Array;

  constructor(bins: readonly Bin[]) {
    this.count = new Float64Array(bins.length + 1);
    this.sum = new Float64Array(bins.length + 1);
    this.squares = new Float64Array(bins.length + 1);
    for (let i = 0; i < bins.length; i++) {
      const { centre, count } = bins[i]!;
      this.count[i + 1] = this.count[i]! + count;
      this.sum[i + 1] = this.sum[i]! + count * centre;
      this.squares[i + 1] = this.squares[i]! + count * centre * centre;
    }
  }

  /** Sum of the squared distances of the first `bins` bins from a value. */
  squaresAround(value: number, bins: number): number {
    return Math.max(0, this.squares[bins]! - 2 * value * this.sum[bins]! + value * value * this.count[bins]!);
  }
}

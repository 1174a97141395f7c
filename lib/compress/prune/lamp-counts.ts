import { type BinCounts, magnitudeAt } from "./magnitude-counts.js";

/** Magnitudes of one weight that are nearly equal. */
interface Bin {
  readonly count: number;
  readonly square: number;
  /** Sum of the squares of larger magnitudes. */
  readonly above: number;
}

/** The magnitudes of one weight by their LAMP score. */
export class LampScores {
  private readonly bins: Bin[] = [];
  private readonly zeros: number;

  constructor({ bins, counts, zeros }: BinCounts & { readonly zeros: number }) {
    this.zeros = zeros;
    let above = 0;
    for (let i = bins.length - 1; i >= 0; i--) {
      const count = counts[i]! - (bins[i] === 0 ? zeros : 0);
      if (count === 0) continue;
      // Values of a bin differ by less than a hundredth; the middle stands for all.
      const square = magnitudeAt(bins[i]!, 1 << 15) ** 2;
      this.bins.push({ count, square, above });
      above += count * square;
    }
  }

  /**
   * How many values have a score of at most `limit`: of the count in a bin, the i-th largest has the score
   * square / (i * square + above).
   */
  countUpTo(limit: number): number {
    let total = this.zeros;
    for (const { count, square, above } of this.bins) {
      const first = Math.ceil(1 / limit - above / square);
      total += Math.min(count, Math.max(0, count - first + 1));
    }
    return total;
  }
}

/** More halvings than a float64 has bits would change nothing. */
const HALVINGS = 60;

/**
 * How many of the smallest magnitudes of each weight go so that, all together, those with the smallest LAMP score do: the square of
 * a value over the sum of the squares of the values of its weight that are as large or larger (Lee et al., Layer-adaptive sparsity
 * for the magnitude-based pruning, 2021). It compares what layers lose where their scales differ, as after BatchNormalization was
 * folded into them, and leaves each layer its largest value.
 *
 * @returns counts whose sum is `total`, or the number of zeros where that is more
 */
export function lampCounts(weights: readonly LampScores[], total: number): number[] {
  const countsAt = (logarithm: number): number[] =>
    weights.map((weight) => weight.countUpTo(Math.exp(logarithm)));
  // The largest value of each weight has the score 1, and none is smaller than a float64 can be.
  let [low, high] = [-700, 1e-9];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (sum(countsAt(middle)) > total) high = middle;
    else low = middle;
  }
  const [counts, most] = [countsAt(low), countsAt(high)];
  let left = total - sum(counts);
  for (let i = 0; left > 0 && i < counts.length; i++) {
    const more = Math.min(left, most[i]! - counts[i]!);
    counts[i]! += more;
    left -= more;
  }
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

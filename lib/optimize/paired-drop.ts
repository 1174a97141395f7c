/** How much worse one model's values are than another's on the same samples. */
export interface PairedDrop {
  original: number;
  candidate: number;
  /** Mean of how much worse the candidate is: below 0 where it is better. */
  drop: number;
  /** 95 % confidence: the normal approximation for the mean of paired differences. */
  interval: [number, number];
  samples: number;
}

const NORMAL_95 = 1.959964;
/** Where no difference was seen in n samples, the true share may still be 3 / n (the rule of three). */
const RULE_OF_THREE = 3;

/** Folds a metric's value of each sample for both models. */
export class PairedValues {
  samples = 0;
  private original = 0;
  private candidate = 0;
  private sum = 0;
  private squares = 0;

  constructor(private readonly higherIsBetter: boolean) {}

  add(original: number, candidate: number): void {
    this.samples++;
    this.original += original;
    this.candidate += candidate;
    const worse = this.higherIsBetter ? original - candidate : candidate - original;
    this.sum += worse;
    this.squares += worse * worse;
  }

  result(): PairedDrop {
    const { samples: n } = this;
    const drop = this.sum / n;
    const variance = Math.max(0, this.squares / n - drop * drop) * (n / Math.max(1, n - 1));
    const reach = this.squares === 0 ? RULE_OF_THREE / n : NORMAL_95 * Math.sqrt(variance / n);
    return {
      original: this.original / n,
      candidate: this.candidate / n,
      drop,
      interval: [drop - reach, drop + reach],
      samples: n,
    };
  }
}

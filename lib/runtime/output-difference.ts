/** How far one output of the candidate is from the reference's, over all samples. */
export interface OutputComparison {
  name: string;
  /** Cosine of the angle between the two, all samples taken as one vector; NaN where a value is NaN. */
  cosine: number;
  /** 20 log10(|reference| / |reference - candidate|) in dB; Infinity where they are equal, which JSON writes as null. */
  sqnrDb: number;
  maxAbsError: number;
  meanAbsError: number;
  /** Every value is equal. */
  exact: boolean;
  /** Values that are NaN or infinite. */
  nonFinite: { reference: number; candidate: number };
}

/** Folds pairs of outputs, batch by batch, in float64 and in the order of the values. */
export class OutputDifference {
  private dot = 0;
  private reference = 0;
  private candidate = 0;
  private noise = 0;
  private sumAbs = 0;
  private maxAbs = 0;
  private count = 0;
  private readonly nonFinite = { reference: 0, candidate: 0 };

  constructor(private readonly name: string) {}

  /** Takes the first `length` values of both. */
  add(reference: ArrayLike<number>, candidate: ArrayLike<number>, length: number): void {
    for (let i = 0; i < length; i++) {
      const r = reference[i]!;
      const c = candidate[i]!;
      if (!Number.isFinite(r)) this.nonFinite.reference++;
      if (!Number.isFinite(c)) this.nonFinite.candidate++;
      // Masked scores are -Infinity in both: equal, but their difference is not a number.
      if (r === c && !Number.isFinite(r)) continue;
      const error = Math.abs(r - c);
      this.dot += r * c;
      this.reference += r * r;
      this.candidate += c * c;
      this.noise += error * error;
      this.sumAbs += error;
      this.maxAbs = error > this.maxAbs || Number.isNaN(error) ? error : this.maxAbs;
    }
    this.count += length;
  }

  result(): OutputComparison {
    const exact = this.maxAbs === 0;
    return {
      name: this.name,
      cosine: exact ? 1 : this.cosine(),
      sqnrDb: exact ? Number.POSITIVE_INFINITY : 10 * Math.log10(this.reference / this.noise),
      maxAbsError: this.maxAbs,
      meanAbsError: this.count === 0 ? 0 : this.sumAbs / this.count,
      exact,
      nonFinite: { ...this.nonFinite },
    };
  }

  /** Rounding may carry the quotient past 1; two zeros are equal, and one zero is unlike anything else. */
  private cosine(): number {
    const norms = Math.sqrt(this.reference) * Math.sqrt(this.candidate);
    return norms === 0 ? 0 : Math.max(-1, Math.min(1, this.dot / norms));
  }
}

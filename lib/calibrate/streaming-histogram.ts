import { histogram } from "../histogram/histogram.js";

/** From zero to the end that is further from it are at least a half of them, or a quarter where there are two ends. */
const BINS = 4096;

/** What is known of values before they are counted. */
export interface CountedValues {
  /** Ends of the values; both are finite. */
  readonly min: number;
  readonly max: number;
  /** How many of them are 0 or -0. */
  readonly zeros: number;
}

/** Serves every histogram: what it holds is added to the histogram's own counts at once. */
const added = new Float64Array(BINS);

/**
 * Counts values in bins whose width is a power of two and whose edges are its multiples, zero among them. What is
 * counted depends on the values alone, not on how they came in batches: the width is the smallest for which the
 * bins reach from the smallest value to the largest and over zero, and widening merges whole bins.
 */
export class StreamingHistogram {
  /** counts[i] holds the values from (first + i) x width up to the next edge; those past `last` are 0. */
  private counts = new Float64Array(BINS);
  private first = 0;
  private last = 0;
  /** 0 where nothing but zeros came until now. */
  private widthOfBin = 0;
  /** Counted by themselves, since every quantized range holds zero exactly. */
  private zeros = 0;

  get width(): number {
    return this.widthOfBin;
  }

  add(values: Float32Array, { min, max, zeros }: CountedValues): void {
    this.zeros += zeros;
    if (zeros === values.length) return;
    this.makeRoom(min, max);
    if (this.edgesAreFloat32()) this.countInBins(values, zeros);
    else this.countOneByOne(values);
  }

  /** Bins that hold something, in rising order: centre and count. Zeros are a bin of their own, whose centre is 0. */
  bins(): { centre: number; count: number }[] {
    const bins: { centre: number; count: number }[] = [];
    for (let bin = this.first; bin <= this.last; bin++) {
      if (bin === 0 && this.zeros > 0) bins.push({ centre: 0, count: this.zeros });
      const count = this.counts[bin - this.first]!;
      if (count > 0) bins.push({ centre: (bin + 0.5) * this.widthOfBin, count });
    }
    return bins;
  }

  /** Counts of all but the zeros in the bins from the first that was reached to the last; bin i begins at i x width. */
  nonzero(): { first: number; width: number; counts: Float64Array } {
    const counts = this.counts.subarray(0, this.last - this.first + 1);
    return { first: this.first, width: this.widthOfBin, counts };
  }

  /** Not so where values are subnormal or near the end of float32's range. */
  private edgesAreFloat32(): boolean {
    const end = (this.first + BINS) * this.widthOfBin;
    return (
      this.widthOfBin >= 2 ** -149 && Number.isFinite(Math.fround(Math.max(end, BINS * this.widthOfBin)))
    );
  }

  private countInBins(values: Float32Array, zeros: number): void {
    const bins = this.last - this.first + 1;
    const min = this.first * this.widthOfBin;
    histogram(values, { min, max: min + bins * this.widthOfBin, bins, out: added.subarray(0, bins) });
    added[-this.first]! -= zeros;
    for (let i = 0; i < bins; i++) this.counts[i]! += added[i]!;
  }

  private countOneByOne(values: Float32Array): void {
    const { counts, first } = this;
    // Exact, since the width is a power of two.
    const perUnit = 1 / this.widthOfBin;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value !== 0) counts[Math.floor(value * perUnit) - first]!++;
    }
  }

  private makeRoom(min: number, max: number): void {
    const before = this.widthOfBin;
    const smallest = 2 ** (Math.floor(Math.log2(Math.max(max, -min))) - Math.log2(BINS));
    let width = Math.max(before, smallest);
    const lowest = (): number => Math.min(Math.floor(min / width), Math.floor((this.first * before) / width));
    const highest = (): number => Math.max(Math.floor(max / width), Math.floor((this.last * before) / width));
    while (highest() - lowest() >= BINS) width *= 2;
    const [first, last] = [lowest(), highest()];
    if (width !== before || first !== this.first) {
      const counts = new Float64Array(BINS);
      for (let bin = this.first; bin <= this.last; bin++) {
        const count = this.counts[bin - this.first]!;
        if (count > 0) counts[Math.floor((bin * before) / width) - first]! += count;
      }
      this.counts = counts;
    }
    this.widthOfBin = width;
    this.first = first;
    this.last = last;
  }
}

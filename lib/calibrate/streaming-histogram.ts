import { histogram } from "../histogram/histogram.js";

/** Bins kept; when values fall outside, bins are merged in pairs until they fit. */
const BINS = 2048;

/**
 * Counts values in bins whose width is a power of two and whose edges are its multiples, zero among them. What is
 * counted depends on the values alone, not on how they came in batches: the width is the smallest for which the
 * range seen fits, and widening merges whole bins.
 */
export class StreamingHistogram {
  /** counts[i] holds the values from (first + i) x width up to the next edge. */
  private counts = new Float64Array(BINS);
  private first = 0;
  private widthOfBin = 0;
  /** Counted by themselves, since every quantized range holds zero exactly. */
  private zeros = 0;

  get width(): number {
    return this.widthOfBin;
  }

  /** Adds values that lie in min..max; both are finite. */
  add(values: Float32Array, min: number, max: number): void {
    this.makeRoom(min, max);
    if (this.edgesAreFloat32()) this.countInBins(values);
    else this.countOneByOne(values);
  }

  /** Bins that hold something, in rising order: centre and count. Zeros are a bin of their own, whose centre is 0. */
  bins(): { centre: number; count: number }[] {
    const bins = Array.from(this.counts, (count, i) => ({
      centre: (this.first + i + 0.5) * this.widthOfBin,
      count,
    }));
    const filled = bins.filter(({ count }) => count > 0);
    if (this.zeros === 0) return filled;
    const at = filled.findIndex(({ centre }) => centre > 0);
    return filled.toSpliced(at < 0 ? filled.length : at, 0, { centre: 0, count: this.zeros });
  }

  /** Not so where values are subnormal or near the end of float32's range, or nothing but zeros. */
  private edgesAreFloat32(): boolean {
    const end = (this.first + BINS) * this.widthOfBin;
    return (
      this.widthOfBin >= 2 ** -149 && Number.isFinite(Math.fround(Math.max(end, BINS * this.widthOfBin)))
    );
  }

  private countInBins(values: Float32Array): void {
    const min = this.first * this.widthOfBin;
    const added = histogram(values, { min, max: min + BINS * this.widthOfBin, bins: BINS });
    let zeros = 0;
    // No branch: after a ReLU it would be guessed wrong for every fourth value.
    for (let i = 0; i < values.length; i++) zeros += Number(values[i] === 0);
    if (zeros > 0) added[-this.first]! -= zeros;
    this.zeros += zeros;
    for (let i = 0; i < BINS; i++) this.counts[i]! += added[i]!;
  }

  private countOneByOne(values: Float32Array): void {
    const { counts, first } = this;
    // Exact, since the width is a power of two.
    const perUnit = 1 / this.widthOfBin;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value === 0) this.zeros++;
      else counts[Math.floor(value * perUnit) - first]!++;
    }
  }

  private makeRoom(min: number, max: number): void {
    if (this.widthOfBin === 0) {
      const largest = Math.max(max, -min);
      // Nothing but zeros until now.
      if (largest === 0) return;
      this.widthOfBin = 2 ** (Math.floor(Math.log2(largest)) - Math.log2(BINS));
    }
    const fits = () => {
      const low = Math.min(Math.floor(min / this.widthOfBin), this.lowest());
      const high = Math.max(Math.floor(max / this.widthOfBin), this.highest());
      return high - low < BINS ? low : undefined;
    };
    for (let low = fits(); ; low = fits()) {
      if (low === undefined) {
        this.halve();
        continue;
      }
      if (low !== this.first) this.rebuild(low, (bin) => bin);
      return;
    }
  }

  private lowest(): number {
    const at = this.counts.findIndex((count) => count > 0);
    return at < 0 ? Number.POSITIVE_INFINITY : this.first + at;
  }

  private highest(): number {
    const at = this.counts.findLastIndex((count) => count > 0);
    return at < 0 ? Number.NEGATIVE_INFINITY : this.first + at;
  }

  private halve(): void {
    this.widthOfBin *= 2;
    this.rebuild(Math.floor(this.first / 2), (bin) => Math.floor(bin / 2));
  }

  private rebuild(first: number, to: (bin: number) => number): void {
    const counts = new Float64Array(BINS);
    for (let i = 0; i < BINS; i++) {
      const count = this.counts[i]!;
      if (count > 0) counts[to(this.first + i) - first]! += count;
    }
    this.counts = counts;
    this.first = first;
  }
}

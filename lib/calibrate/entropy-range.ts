import type { RangeRule } from "./histogram-observer.js";

/** Values that an 8-bit type can take over the range. */
const LEVELS = 255;
/** Ranges tried. */
const CANDIDATES = 256;
/** Stands in for a count of none, which has no logarithm. */
const EPSILON = 1e-4;
/** A range may have so many times the squared error of the whole one. */
const MOST_NOISE = 2;

/**
 * The range whose distribution in 8 bits is nearest to what was counted, by Kullback-Leibler divergence. Ranges that
 * reach equally far to both sides of zero are tried, cut to what was seen; what lies outside counts at the ends. Zeros
 * do not count, for every range holds them exactly, and after a Relu they would outweigh everything else.
 * S. Migacz: 8-bit Inference with TensorRT, GTC 2017. As onnxruntime's EntropyCalibrater, but with bins enough to have
 * a choice (its default of 128 leaves one range), with as many groups of bins as 8 bits have steps over the part of
 * the range that is in use, and without its last group left empty and its counts rounded down. Divergence does not see
 * how far values are moved, and where many have one value (the background of images) their bin outvotes all others:
 * ranges that double the squared error are passed over.
 */
export const entropyRange: RangeRule = ({ histogram, noise }, { min, max }) => {
  const { first, counts, width } = histogram.nonzero();
  const low = Math.max(0, -first);
  const high = first + counts.length;
  const reach = Math.max(low, high);
  const limit = MOST_NOISE * noise.over(min, max);
  const sums = new Sums(counts);
  let best = { bins: reach, divergence: Number.POSITIVE_INFINITY };
  for (let i = 1; i <= CANDIDATES; i++) {
    const bins = Math.round((i * reach) / CANDIDATES);
    const from = low - Math.min(bins, low);
    const to = low + Math.min(bins, high);
    if (to - from < LEVELS || noise.over(Math.max(min, -bins * width), Math.min(max, bins * width)) > limit)
      continue;
    const divergence = divergenceOver(sums, from, to);
    if (divergence < best.divergence) best = { bins, divergence };
  }
  return best.bins === reach ? { min, max } : { min: -best.bins * width, max: best.bins * width };
};

/** Sums over the first i bins, of those that hold something. */
class Sums {
  readonly count: Float64Array;
  readonly filled: Float64Array;
  private readonly countLog: Float64Array;
  private readonly log: Float64Array;
  private readonly inverse: Float64Array;

  constructor(readonly counts: Float64Array) {
    const size = counts.length + 1;
    this.count = new Float64Array(size);
    this.filled = new Float64Array(size);
    this.countLog = new Float64Array(size);
    this.log = new Float64Array(size);
    this.inverse = new Float64Array(size);
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!;
      const log = count > 0 ? Math.log(count) : 0;
      this.count[i + 1] = this.count[i]! + count;
      this.filled[i + 1] = this.filled[i]! + Number(count > 0);
      this.countLog[i + 1] = this.countLog[i]! + count * log;
      this.log[i + 1] = this.log[i]! + log;
      this.inverse[i + 1] = this.inverse[i]! + (count > 0 ? 1 / count : 0);
    }
  }

  get total(): number {
    return this.count.at(-1)!;
  }

  /** Of c log c over the bins from..to, from each of which `less` was taken: to the second power of it, which is far below 1. */
  entropy(from: number, to: number, less: number): number {
    const of = (sums: Float64Array) => sums[to]! - sums[from]!;
    return of(this.countLog) - less * (of(this.log) + of(this.filled)) + (less ** 2 / 2) * of(this.inverse);
  }
}

/** An end of a range, into whose last bin falls what lies outside. */
interface End {
  readonly group: number;
  readonly outside: number;
  /** What its last bin holds with it. */
  readonly count: number;
  /** Whether that bin holds something only because of it. */
  readonly joins: boolean;
}

function endOf(group: number, own: number, outside: number): End {
  return { group, outside, count: own + outside, joins: own === 0 && outside > 0 };
}

/** Of each group of bins: what was counted there, and how many of its bins hold something. */
const grouped = { counts: new Float64Array(LEVELS), filled: new Float64Array(LEVELS) };

function group({ count, filled }: Sums, from: number, to: number, ends: readonly End[]): void {
  for (let level = 0; level < LEVELS; level++) {
    const start = from + Math.floor((level * (to - from)) / LEVELS);
    const end = from + Math.floor(((level + 1) * (to - from)) / LEVELS);
    grouped.counts[level] = count[end]! - count[start]!;
    grouped.filled[level] = filled[end]! - filled[start]!;
  }
  for (const { group, joins } of ends) grouped.filled[group]! += Number(joins);
}

/**
 * Of the bins from..to (the last not included), into whose ends falls what lies outside, against the same in groups: every bin of a
 * group that holds something has the mean of those, of what was there without the outside. Bins that hold nothing, in either, are
 * given EPSILON, which is taken from the others in equal parts; of 4096 bins that is less than half a count.
 */
function divergenceOver(sums: Sums, from: number, to: number): number {
  const { counts, count, total } = sums;
  const ends = [
    endOf(0, counts[from]!, count[from]!),
    endOf(LEVELS - 1, counts[to - 1]!, total - count[to]!),
  ];
  group(sums, from, to, ends);
  const { counts: inGroup, filled } = grouped;
  let [real, means] = [0, 0];
  for (let level = 0; level < LEVELS; level++) {
    real += filled[level]!;
    if (inGroup[level]! > 0) means += filled[level]!;
  }
  if (means === 0) return Number.POSITIVE_INFINITY;
  const taken = (EPSILON * (to - from - real)) / real;
  const takenFromMeans = (EPSILON * (to - from - means)) / means;
  const logOfMean = (level: number) =>
    Math.log(inGroup[level]! > 0 ? inGroup[level]! / filled[level]! - takenFromMeans : EPSILON);
  // The sum of c log(c / mean); bins of nothing have EPSILON in both, and add nothing.
  let sum = sums.entropy(from + 1, to - 1, taken);
  for (let level = 0; level < LEVELS; level++)
    if (filled[level]! > 0) sum -= (inGroup[level]! - taken * filled[level]!) * logOfMean(level);
  for (const end of ends) {
    if (end.count > 0) sum += (end.count - taken) * Math.log(end.count - taken);
    if (end.outside > 0) sum -= end.outside * logOfMean(end.group);
  }
  return sum / total + Math.log((count[to]! - count[from]!) / total);
}

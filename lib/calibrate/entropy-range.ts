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
  let best = { bins: reach, divergence: Number.POSITIVE_INFINITY };
  for (let i = 1; i <= CANDIDATES; i++) {
    const bins = Math.round((i * reach) / CANDIDATES);
    const from = low - Math.min(bins, low);
    const to = low + Math.min(bins, high);
    if (to - from < LEVELS || noise.over(Math.max(min, -bins * width), Math.min(max, bins * width)) > limit)
      continue;
    const divergence = divergenceOver(counts, from, to);
    if (divergence < best.divergence) best = { bins, divergence };
  }
  return best.bins === reach ? { min, max } : { min: -best.bins * width, max: best.bins * width };
};

/** Of the bins from..to (the last not included), into whose ends falls what lies outside, against the same in groups. */
function divergenceOver(counts: Float64Array, from: number, to: number): number {
  const size = to - from;
  const real = counts.slice(from, to);
  real[0]! += sum(counts.subarray(0, from));
  real[size - 1]! += sum(counts.subarray(to));
  const grouped = new Float64Array(size);
  for (let level = 0; level < LEVELS; level++) {
    const start = Math.floor((level * size) / LEVELS);
    const end = Math.floor(((level + 1) * size) / LEVELS);
    let [total, filled] = [0, 0];
    for (let i = start; i < end; i++) {
      total += counts[from + i]!;
      filled += Number(real[i]! > 0);
    }
    for (let i = start; i < end; i++) grouped[i] = real[i]! > 0 ? total / filled : 0;
  }
  return divergence(smooth(real), smooth(grouped));
}

/** Gives bins without counts a little of what the others have. */
function smooth(counts: Float64Array): Float64Array {
  const zeros = counts.reduce((zeros, count) => zeros + Number(count === 0), 0);
  const taken = (EPSILON * zeros) / (counts.length - zeros);
  return counts.map((count) => (count === 0 ? EPSILON : count - taken));
}

/** Infinity where smoothing took more from a bin than it had. */
function divergence(real: Float64Array, quantized: Float64Array): number {
  const [total, quantizedTotal] = [sum(real), sum(quantized)];
  let divergence = 0;
  for (let i = 0; i < real.length; i++) {
    if (!(real[i]! > 0 && quantized[i]! > 0)) return Number.POSITIVE_INFINITY;
    const share = real[i]! / total;
    divergence += share * Math.log((share * quantizedTotal) / quantized[i]!);
  }
  return divergence;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

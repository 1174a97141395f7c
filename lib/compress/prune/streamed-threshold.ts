import { BINS, countMagnitudes, countWithinBin, LOW_BITS, magnitudeAt } from "./magnitude-counts.js";

/**
 * The k-th smallest magnitude of values that come part by part, exactly, in memory that does not grow with them: two passes that count
 * by the upper and by the lower half of the bits (Knuth, The Art of Computer Programming 3, distribution counting). For weights that
 * have to be converted first; what lies in the file as float32 is searched where it lies, by magnitudeThreshold.
 *
 * @param k from 1 to the number of values, none of which is NaN
 */
export function streamedThreshold(parts: () => Iterable<Float32Array>, k: number): number {
  const upper = new Float64Array(BINS);
  for (const part of parts()) countMagnitudes(part, upper);
  const { bin, rank } = place(upper, k);
  const lower = new Float64Array(1 << LOW_BITS);
  for (const part of parts()) countWithinBin(part, bin, lower);
  return magnitudeAt(bin, place(lower, rank).bin);
}

/** The bin that the value of rank k, from 1, is in, and its rank there. */
function place(counts: Float64Array, k: number): { bin: number; rank: number } {
  let rank = k;
  const bin = counts.findIndex((count) => {
    if (rank <= count) return true;
    rank -= count;
    return false;
  });
  return { bin, rank };
}

import { roundHalfEven } from "../quantize/round-half-even.js";

export interface Ranges {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

/**
 * Turns ranges into scales: the largest magnitude over half the steps, or without symmetry the width of the range and 0 over the
 * steps. In float32 throughout, as the convention's own library computes for float32 weights. A range that is not finite gives a
 * scale that is not.
 */
export function scalesOfRanges(
  { min, max }: Ranges,
  { bits, symmetric }: { bits: number; symmetric: boolean },
  scales: Float32Array,
): void {
  const steps = 2 ** bits - 1;
  for (let i = 0; i < scales.length; i++) {
    const low = Math.min(min[i]!, 0);
    const high = Math.max(max[i]!, 0);
    const width = symmetric ? 2 * Math.max(-low, high) : Math.fround(high - low);
    scales[i] = width / steps;
  }
}

/** The steps that 0 becomes, from 0 up; the middle one where all is 0. */
export function zeroPointsOfRanges(
  { min, max }: Ranges,
  scales: Float32Array,
  bits: number,
  zeroPoints: Int32Array,
): void {
  const last = 2 ** bits - 1;
  const lowest = -(2 ** (bits - 1));
  for (let i = 0; i < scales.length; i++) {
    // Signed, as the convention's own library computes it: around 0, float32 rounds in other places.
    const steps = Math.fround(Math.min(min[i]!, 0) / scales[i]!);
    const zero = roundHalfEven(Math.fround(lowest - steps)) - lowest;
    zeroPoints[i] = min[i] === 0 && max[i] === 0 ? -lowest : Math.min(Math.max(zero, 0), last);
  }
}

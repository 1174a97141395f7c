// 1.5 * 2^52: a float64 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 1.5 * 2 ** 52;

/** The nearest integer, ties to even, of a value within +-2^51; never -0. */
export function roundHalfEven(value: number): number {
  return value + ROUND - ROUND;
}

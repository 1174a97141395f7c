import type { Operations } from "../../backend.js";

const SUMS = 16;
const PIECE = 2 ** 16;
const sums = new Float64Array(SUMS);

/** Of the n elements from `at` on: magnitudes for order 1, squares for 2. */
export function runSum(x: Float32Array, at: number, n: number, order: number): number {
  sums.fill(0);
  for (let i = 0; i < n; i++) {
    const v = x[at + i]!;
    sums[i % SUMS]! += order === 1 ? Math.abs(v) : v * v;
  }
  for (let half = SUMS / 2; half >= 1; half /= 2) for (let k = 0; k < half; k++) sums[k]! += sums[k + half]!;
  return sums[0]!;
}

export const channelNorms: Operations<void>["channelNorms"] = (x, norms, inner, order) => {
  norms.fill(0);
  for (let at = 0, channel = 0; at < x.length; at += inner) {
    for (let from = 0; from < inner; from += PIECE)
      norms[channel]! += runSum(x, at + from, Math.min(PIECE, inner - from), order);
    channel = channel + 1 === norms.length ? 0 : channel + 1;
  }
  for (let channel = 0; channel < norms.length; channel++) {
    const sum = norms[channel]!;
    norms[channel] = Number.isNaN(sum) ? Number.NaN : order === 1 ? sum : Math.sqrt(sum);
  }
};

import { reversedCholesky } from "../../linalg/reversed-cholesky.js";

/** The inverse of a symmetric positive definite matrix of n x n values, whose lower triangle is read. */
export function inverse(a: Float64Array, n: number): Float64Array {
  const factor = reversedCholesky(a.slice());
  const root = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let k = 0; k < i; k++) {
      const value = factor[row + k]!;
      if (value === 0) continue;
      for (let j = 0; j <= k; j++) root[row + j]! -= value * root[k * n + j]!;
    }
    root[row + i]! += 1;
    const scale = 1 / factor[row + i]!;
    for (let j = 0; j <= i; j++) root[row + j]! *= scale;
  }
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k <= j; k++) sum += root[i * n + k]! * root[j * n + k]!;
      result[i * n + j] = sum;
      result[j * n + i] = sum;
    }
  return result;
}

/** Share of the mean of the diagonal that is added at least: inputs that hardly vary would make the error of one run count for all. */
const LEAST = 0.01;
/** So that the sum stays finite; ten thousand times the mean of the diagonal leaves nothing of the rest. */
const MOST = 1e4;

/**
 * What to add to the diagonal of the products X^T X, so that a layer which is fitted to few rows does not learn what they have in
 * common by chance: the less certain the products are, the more the result is like that for inputs which do not correlate at all.
 * The oracle approximating shrinkage (Y. Chen, A. Wiesel, Y. C. Eldar, A. O. Hero: Shrinkage Algorithms for MMSE Covariance
 * Estimation, IEEE Transactions on Signal Processing 58(10), 2010, equation 23) mixes S with the share p of its mean diagonal, which
 * is the same as adding p / (1 - p) of that to S.
 *
 * @param gram upper triangle of X^T X, columns x columns
 * @param rows how many rows X has
 */
export function shrinkage(gram: Float64Array, columns: number, rows: number): number {
  let trace = 0;
  let squares = 0;
  for (let i = 0; i < columns; i++) {
    trace += gram[i * columns + i]!;
    for (let j = i; j < columns; j++) squares += (i === j ? 1 : 2) * gram[i * columns + j]! ** 2;
  }
  const uncertain = (1 - 2 / columns) * squares + trace ** 2;
  const whole = (rows + 1 - 2 / columns) * (squares - trace ** 2 / columns);
  const share = whole > uncertain ? uncertain / whole : 1;
  return (Math.min(Math.max(LEAST, share / (1 - share)), MOST) * trace) / columns || 1;
}

import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import { compensateRounding, type RoundingGrid } from "../../linalg/compensate-rounding.js";
import { reversedCholesky } from "../../linalg/reversed-cholesky.js";
import { shrinkage } from "./shrinkage.js";

/**
 * Rounds the weights of a layer so that the error of one is made good by those that are rounded after it: what counts is
 * the error of the layer's outputs over the rows that calibration saw, not that of each weight. The columns with the
 * largest inputs come first.
 * GPTQ (E. Frantar, S. Ashkboos, T. Hoefler, D. Alistarh: GPTQ: Accurate Post-Training Quantization for Generative
 * Pre-trained Transformers, ICLR 2023), computed as Babai's nearest plane algorithm, which gives the same steps without
 * an inverse (J. Chen, Y. Shabanzadeh, E. Crncevic, T. Hoefler, D. Alistarh: The Geometry of LLM Quantization: GPTQ as
 * Babai's Nearest Plane Algorithm, 2025).
 *
 * @param rows finite weights, one row of `columns` values per output
 * @param products upper triangle of X^T X, columns x columns, where X holds so many rows of the layer's inputs; it is not changed
 * @param grid what the weights can be rounded to: 8 bits with a scale per output, or fewer with one per block
 * @returns the steps, in the order of rows; an Int8Array where the grid reaches below 0
 */
export function roundLayer(
  rows: Float32Array,
  columns: number,
  { gram, rows: seen }: Pick<LayerStatistics, "gram" | "rows">,
  grid: RoundingGrid,
): Int8Array | Uint8Array {
  const order = byDiagonal(gram, columns);
  const factor = reversedCholesky(permuted(gram, columns, order, shrinkage(gram, columns, seen)));
  return compensateRounding(rows, { factor, order, grid });
}

function byDiagonal(gram: Float64Array, columns: number): Int32Array {
  const order = Int32Array.from({ length: columns }, (_, i) => i);
  return order.sort((a, b) => gram[b * columns + b]! - gram[a * columns + a]! || a - b);
}

/** The matrix with its variables in the given order and `damping` on its diagonal; its lower triangle is filled. */
function permuted(gram: Float64Array, columns: number, order: Int32Array, damping: number): Float64Array {
  const result = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++)
    for (let j = 0; j <= i; j++) {
      const [low, high] = order[i]! < order[j]! ? [order[i]!, order[j]!] : [order[j]!, order[i]!];
      result[i * columns + j] = gram[low * columns + high]! + (i === j ? damping : 0);
    }
  return result;
}

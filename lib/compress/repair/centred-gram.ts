import type { LayerStatistics } from "../../calibrate/layer-statistics.js";

/**
 * The products of columns without what their means add to them, X^T X - rows x mean mean^T, group after group: the
 * error that a layer's outputs keep when their bias makes good the mean of it.
 */
export function centredGram({ gram, roundedMean, rows }: LayerStatistics): Float64Array {
  const result = gram.slice();
  const columns = gram.length / roundedMean.length;
  for (let i = 0; i < roundedMean.length; i++) {
    const group = i - (i % columns);
    for (let j = i % columns; j < columns; j++)
      result[i * columns + j]! -= rows * roundedMean[i]! * roundedMean[group + j]!;
  }
  return result;
}

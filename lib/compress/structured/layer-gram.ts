import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import { centredGram } from "../repair/centred-gram.js";

/** Share of the mean of the diagonal that is added to it: few samples say little of many columns. */
const DAMPING = 0.01;

/** The products of every two columns of a layer's input, all of them, without what the means add where a bias makes them good. */
export function layerGram(statistics: LayerStatistics, columns: number, centred: boolean): Float64Array {
  const gram = centred ? centredGram(statistics) : statistics.gram.slice();
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < i; j++) gram[i * columns + j] = gram[j * columns + i]!;
  return gram;
}

/** Adds to the diagonal, in place, what keeps the matrix positive definite and weights where they were unless samples say otherwise. */
export function damped(gram: Float64Array, columns: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < columns; i++) trace += gram[i * columns + i]!;
  const damping = (DAMPING * trace) / columns || 1;
  for (let i = 0; i < columns; i++) gram[i * columns + i]! += damping;
  return gram;
}

/** Multiplications of about a tenth of a second. */
const MOST_WORK = 1e8;

/** The sum over all outputs of w G w^T: how much there is of them. Of a large layer some outputs stand for all. */
export function outputEnergy(rows: Float32Array, columns: number, gram: Float64Array): number {
  const outputs = rows.length / columns;
  const every = Math.ceil((outputs * columns ** 2) / MOST_WORK);
  let energy = 0;
  let taken = 0;
  for (let row = 0; row < rows.length; row += every * columns, taken++)
    for (let i = 0; i < columns; i++) {
      const w = rows[row + i]!;
      if (w === 0) continue;
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += gram[i * columns + j]! * rows[row + j]!;
      energy += w * sum;
    }
  return (energy / taken) * outputs;
}

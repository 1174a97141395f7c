import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { Axes } from "../../graph/channels/axes.js";
import { transpose } from "../../graph/transpose.js";
import { fitKept } from "../../linalg/fit-kept.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import { isRowMajor } from "../repair/weight-rows.js";
import { damped, layerGram } from "./layer-gram.js";
import { type LayerReader, rowsOf } from "./layer-readers.js";

/**
 * Fits the weight of a layer to the outputs that it had before some of its input's channels went: the least squares
 * solution W' = argmin |W X - W' X_kept|^2 over the rows that calibration saw, held near the old weights by damping. What the means of
 * the lost channels added goes into the bias. Columns that went become 0.
 * Y. He, X. Zhang, J. Sun: Channel Pruning for Accelerating Very Deep Neural Networks, ICCV 2017.
 */
export function refitReader(
  axes: Axes,
  reader: LayerReader,
  statistics: LayerStatistics,
  removed: ReadonlySet<number>,
): void {
  const { columns } = reader.input;
  const before = rowsOf(axes, reader);
  const gram = damped(layerGram(statistics, columns, reader.bias !== undefined), columns);
  const kept = Uint8Array.from(before, (_, i) => Number(!removed.has(reader.columnSets[i % columns]!)));
  const after = fitKept({ gram, products: productsOf(before, columns, gram), kept });
  storeRows(axes, reader, after);
  if (reader.bias !== undefined)
    storeBias(axes, reader.bias, meanChange(before, after, columns, statistics.mean));
}

/** Each output's products with every column, as far as the damped statistics know: W G. */
function productsOf(rows: Float32Array, columns: number, gram: Float64Array): Float64Array {
  const products = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row += columns)
    for (let i = 0; i < columns; i++) {
      const w = rows[row + i]!;
      if (w === 0) continue;
      for (let j = 0; j < columns; j++) products[row + j]! += w * gram[i * columns + j]!;
    }
  return products;
}

/** What the mean of each output lost. */
function meanChange(
  before: Float32Array,
  after: Float32Array,
  columns: number,
  mean: Float64Array,
): Float64Array {
  const change = new Float64Array(before.length / columns);
  for (let i = 0; i < before.length; i++)
    change[Math.floor(i / columns)]! += (before[i]! - after[i]!) * mean[i % columns]!;
  return change;
}

function storeRows({ graph }: Axes, { anchor, input }: LayerReader, rows: Float32Array): void {
  const stored = graph.initializer(anchor.weight!)!;
  const shape = shapeOf(stored);
  if (isRowMajor(anchor)) {
    graph.addInitializer(encodeTensor(stored.name, "float32", shape, rows));
    return;
  }
  const values = new Float32Array(rows.length);
  transpose(rows, values, rows.length / input.columns, input.columns);
  graph.addInitializer(encodeTensor(stored.name, "float32", shape, values));
}

function storeBias({ graph }: Axes, name: string, change: Float64Array): void {
  const { data, shape } = graph.model.tensor(graph.initializer(name)!);
  const sum = Float32Array.from(data as Float32Array, (value, i) => value + change[i]!);
  graph.addInitializer(encodeTensor(name, "float32", shape, sum));
}

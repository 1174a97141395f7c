import type { FitStatistics } from "../../../calibrate/fit-statistics.js";
import type { Graph } from "../../../graph/graph.js";
import { weightRows } from "../../repair/weight-rows.js";
import type { Weight } from "../weight.js";
import { normFactors } from "./norm-behind.js";
import type { RepairableLayer } from "./repairable-layers.js";

/** Keeps weights of inputs that no sample shows apart from weights that are 0. */
const LEAST_SIZE = 1e-3;

/**
 * Scores by which the weights of all layers can be compared: |w| times the root mean square of its input (Wanda: M. Sun, Z. Liu, A.
 * Bair, J. Z. Kolter: A Simple and Effective Pruning Approach for Large Language Models, ICLR 2024), over the deviation of all
 * outputs of the layer: the share of a layer's output that goes with a weight. In the order of the weight's values.
 *
 * @param centred take inputs without their mean, because a bias makes that good
 */
export function inputScores(
  graph: Graph,
  layer: RepairableLayer,
  { mean, square, targetMean, targetSquare }: FitStatistics,
  centred: boolean,
): Float32Array {
  const { values, columns, outputs, restore } = weightRows(graph, layer.anchor);
  const energy = square.map((value, i) => Math.max(0, value - (centred ? mean[i]! ** 2 : 0)));
  const least = LEAST_SIZE * Math.sqrt(energy.reduce((sum, value) => sum + value, 0) / energy.length) || 1;
  const sizes = energy.map((value) => Math.max(least, Math.sqrt(value)));
  const rowSizes = outputSizes(graph, layer, outputs);
  let total = 0;
  for (let o = 0; o < outputs; o++)
    total += rowSizes[o]! ** 2 * Math.max(0, targetSquare[o]! - targetMean[o]! ** 2);
  const deviation = Math.sqrt(total) || 1;
  const perGroup = outputs / layer.groups;
  const scores = values.map((value, i) => {
    const output = Math.floor(i / columns);
    const size = sizes[Math.floor(output / perGroup) * columns + (i % columns)]!;
    return (Math.abs(value) * size * rowSizes[output]!) / deviation;
  });
  return restore(scores);
}

/** The same for a weight of which nothing is known: as if its inputs were all alike and had nothing in common. */
export function plainScores(weight: Weight): Float32Array {
  const values = weight.load();
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)) || 1;
  return values.map((value) => Math.abs(value) / length);
}

/** How much each output counts: what a BatchNormalization behind makes of it. */
export function outputSizes(graph: Graph, { norm }: RepairableLayer, outputs: number): Float64Array {
  return norm ? normFactors(graph, norm).map(Math.abs) : new Float64Array(outputs).fill(1);
}

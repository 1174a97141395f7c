import type { FitStatistics } from "../../../calibrate/fit-statistics.js";
import { copyGraph } from "../../../graph/copy-graph.js";
import type { Graph } from "../../../graph/graph.js";
import { dtypeOf } from "../../../onnx/data-type.js";
import { deferTensor } from "../../../onnx/deferred.js";
import { encodeTensor } from "../../../onnx/tensor-proto.js";
import type { OnProgress } from "../../../progress.js";
import { type Anchor, anchorOf } from "../../anchors.js";
import { addToBias, biasUse } from "../../repair/add-to-bias.js";
import { weightRows } from "../../repair/weight-rows.js";
import type { ChosenMask } from "../choose-masks.js";
import { PruneScratch } from "../source.js";
import type { Quota } from "./choose-kept.js";
import type { FitCollector } from "./fit-collector.js";
import { outputSizes } from "./input-scores.js";
import { shiftNorm } from "./norm-behind.js";
import { type LayerRepairs, repairLayer } from "./repair-layer.js";
import type { RepairableLayer } from "./repairable-layers.js";

/** A change of biases and statistics, to be made in the model itself too. */
export type Edit = (graph: Graph) => void;

export interface RepairedModel {
  /** With the weights as they are after the repair. */
  readonly masks: readonly ChosenMask[];
  readonly edits: readonly Edit[];
  /** How many layers were repaired. */
  readonly layers: number;
}

/**
 * Repairs pruned layers in the order in which a model runs them, each fitted to the outputs that it had before anything was
 * pruned, on the inputs that the layers pruned before it make now.
 *
 * @param graph as it was before; it is not changed
 * @param masks what goes of each weight, those of other layers too
 */
export async function repairPruned(
  graph: Graph,
  collector: FitCollector,
  layers: readonly RepairableLayer[],
  masks: readonly ChosenMask[],
  repairs: LayerRepairs,
  onProgress?: OnProgress,
): Promise<RepairedModel> {
  const { graph: candidate } = copyGraph(graph);
  const byName = new Map(masks.map((mask) => [mask.weight.name, mask]));
  const scratch = new PruneScratch();
  for (const mask of masks) setPruned(candidate, mask, scratch);
  const repaired = new Map<string, ChosenMask>();
  const edits: Edit[] = [];
  const pruned = layers.filter(({ weight }) => byName.has(weight.name));
  for (const depth of [...new Set(pruned.map((layer) => layer.depth))].sort((a, b) => a - b)) {
    const level = pruned.filter((layer) => layer.depth === depth);
    candidate.commit();
    const needsProducts = repairs.leastSquares || repairs.batchNorm || repairs.choose === "sparsegpt";
    for await (const [layer, statistics] of collector.collect(level, needsProducts, candidate.model)) {
      const { name, shape } = layer.weight;
      const { values, edit } = repairOne(graph, layer, byName.get(name)!, statistics, repairs);
      repaired.set(name, repairedMask(byName.get(name)!, values));
      candidate.addInitializer(encodeTensor(name, "float32", shape, values));
      edits.push(edit);
      edit(candidate);
      onProgress?.({ stage: "repair", done: repaired.size, total: pruned.length });
    }
  }
  candidate.model.close();
  return { masks: masks.map((mask) => repaired.get(mask.weight.name) ?? mask), edits, layers: repaired.size };
}

function repairOne(
  graph: Graph,
  layer: RepairableLayer,
  mask: ChosenMask,
  statistics: FitStatistics,
  repairs: LayerRepairs,
): { values: Float32Array; edit: Edit } {
  const { weight, canShift } = layer;
  const { values, columns, outputs, restore, arrange } = weightRows(graph, layer.anchor);
  const bias = biasOf(graph, layer, outputs);
  const pruned = new Float32Array(weight.count);
  mask.apply(weight.load(), pruned);
  const repaired = repairLayer(
    {
      rows: { values, columns, outputs, groups: layer.groups },
      kept: arrange(Uint8Array.from(pruned, (value) => Number(value !== 0))),
      quota: quotaOf(layer, mask, outputs),
      rowSizes: outputSizes(graph, layer, outputs),
      bias,
    },
    statistics,
    { ...repairs, bias: repairs.bias && canShift, batchNorm: repairs.batchNorm && canShift },
  );
  const { factors, shifts } = repaired;
  if (layer.norm)
    return { values: restore(repaired.values), edit: normEdit(layer.norm.output[0]!, factors, shifts) };
  const scaled = repaired.values.map((value, i) => value * factors[Math.floor(i / columns)]!);
  const added = Float32Array.from(shifts, (shift, i) => shift + (factors[i]! - 1) * (bias?.[i] ?? 0));
  return { values: restore(scaled), edit: biasEdit(layer.anchor.node.output[0]!, added) };
}

function quotaOf({ weight }: RepairableLayer, { pattern, zeros }: ChosenMask, outputs: number): Quota {
  if (pattern.kind !== "neighbours") return { kind: "count", zeros: zeros.after };
  const inputs = weight.shape[weight.inputAxis!]!;
  return { ...pattern, shape: [outputs, inputs, weight.count / outputs / inputs] };
}

function biasOf(graph: Graph, { anchor }: RepairableLayer, outputs: number): Float32Array | undefined {
  const use = biasUse(graph, anchor);
  const stored = use && graph.initializer(use.node.input[use.index] ?? "");
  if (!stored) return undefined;
  const values = graph.model.tensor(stored).data as Float32Array;
  return values.length === outputs ? values : new Float32Array(outputs).fill(values[0]!);
}

function normEdit(output: string, factors: Float64Array, shifts: Float64Array): Edit {
  return (graph) => {
    if (changes(factors, 1) || changes(shifts, 0)) shiftNorm(graph, graph.producer(output)!, factors, shifts);
  };
}

function biasEdit(output: string, added: Float32Array): Edit {
  return (graph) => {
    if (changes(added, 0)) addToBias(graph, anchorOf(graph, graph.producer(output)!) as Anchor, added);
  };
}

function changes(values: Float32Array | Float64Array, neutral: number): boolean {
  return values.some((value) => value !== neutral);
}

/** A mask that has the new values of a weight with it. */
function repairedMask(mask: ChosenMask, values: Float32Array): ChosenMask {
  const after = values.reduce((count, value) => count + Number(value === 0), 0);
  return { ...mask, zeros: { ...mask.zeros, after }, apply: (_, out) => out.set(values) };
}

function setPruned(graph: Graph, mask: ChosenMask, scratch: PruneScratch): void {
  const { name, shape } = mask.weight;
  const stored = graph.initializer(name);
  if (stored) graph.addInitializer(deferTensor(name, dtypeOf(stored.dataType)!, shape, scratch.fillOf(mask)));
}

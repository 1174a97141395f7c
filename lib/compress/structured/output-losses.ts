import type { Batch } from "../../data/batches.js";
import { type DatasetSource, openDataset } from "../../data/open-dataset.js";
import type { ValueInfo } from "../../data/value-info.js";
import { copyGraph } from "../../graph/copy-graph.js";
import type { Graph } from "../../graph/graph.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import type { OnProgress } from "../../progress.js";
import { FloatOutputs } from "../../runtime/float-outputs.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import { type Anchor, anchorOf } from "../anchors.js";
import { addToBias } from "../repair/add-to-bias.js";
import { weightRows } from "../repair/weight-rows.js";
import type { HalfGone, RemovalOrder } from "./removal-order.js";

/** Enough to tell groups apart; each costs a run for every group. */
const SAMPLES = 64;

export interface OutputLossRuns {
  readonly data: DatasetSource;
  readonly samples: number | undefined;
  readonly threads: number | undefined;
  /** Where models to be run may be written. */
  readonly folder: string;
  readonly onProgress: OnProgress | undefined;
}

/**
 * The same orders with losses as the outputs of the model have them: what a layer loses may matter much there or little. Of each group
 * one half goes, as its order has it, and the error of the outputs tells by how much its losses count.
 */
export async function outputLosses(
  models: ModelProcess,
  graph: Graph,
  orders: readonly RemovalOrder[],
  runs: OutputLossRuns,
): Promise<RemovalOrder[]> {
  const read = (inputs: readonly ValueInfo[]) => readBatches(inputs, runs);
  const outputs = await FloatOutputs.of(models, graph.model, read, runs);
  const scaled: RemovalOrder[] = [];
  for (const order of orders) {
    scaled.push(order.half ? await scaledOrder(graph, order, order.half, outputs) : order);
    runs.onProgress?.({ stage: "measure", done: scaled.length, total: orders.length });
  }
  return scaled;
}

async function readBatches(
  inputs: readonly ValueInfo[],
  { data, samples = SAMPLES }: OutputLossRuns,
): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of await openDataset(data, { inputs, samples })) batches.push(batch);
  return batches;
}

async function scaledOrder(
  graph: Graph,
  order: RemovalOrder,
  half: HalfGone,
  outputs: FloatOutputs,
): Promise<RemovalOrder> {
  const noise = 10 ** (-(await outputs.sqnrDb(withoutHalf(graph, half).model)) / 10);
  const scale = noise / (half.loss || 1);
  return { ...order, losses: order.losses.map((loss) => loss * scale) };
}

/** The model with the weights and biases that layers have when half of what they read is gone. */
function withoutHalf(graph: Graph, { layers }: HalfGone): Graph {
  const { graph: copy } = copyGraph(graph);
  for (const { reader, rows, shifts } of layers) {
    const { weight, node } = reader.anchor;
    const stored = weightRows(graph, reader.anchor).restore(rows);
    copy.addInitializer(encodeTensor(weight!, "float32", shapeOf(graph.initializer(weight!)!), stored));
    if (reader.bias !== undefined)
      addToBias(copy, anchorOf(copy, copy.producer(node.output[0]!)!) as Anchor, shifts);
  }
  copy.commit();
  return copy;
}

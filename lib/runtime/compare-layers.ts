import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ActivationError } from "../calibrate/rounding-error.js";
import { type Batch, firstRows } from "../data/batches.js";
import { type Dataset, type DatasetSource, openDataset } from "../data/open-dataset.js";
import { randomDataset } from "../data/random-dataset.js";
import type { ValueInfo } from "../data/value-info.js";
import { ModelOperationError } from "../errors.js";
import { copyGraph } from "../graph/copy-graph.js";
import { observedName, withOutputs } from "../graph/expose-tensors.js";
import { foldAffine } from "../graph/fold-affine.js";
import { Graph } from "../graph/graph.js";
import { type QuantizedPair, quantizedPairs } from "../graph/quantized-pairs.js";
import { switchNodes } from "../graph/switch-nodes.js";
import { upgradeOpset } from "../graph/upgrade-opset.js";
import { BLOCKS_OPSET, upgradeToOpset21 } from "../graph/upgrade-to-opset21.js";
import { type WeightError, weightErrors } from "../graph/weight-errors.js";
import { readOnnx } from "../onnx/read.js";
import { isExternal } from "../onnx/tensor-proto.js";
import { tensorsOf } from "../onnx/walk.js";
import { writeOnnx } from "../onnx/write.js";
import type { OnProgress } from "../progress.js";
import { forEachBatch } from "./for-each-batch.js";
import { ModelProcess } from "./model-process.js";
import { SwitchedSession } from "./switched-session.js";

/** Whole sets of activations of two models are in memory at once. */
const BATCH = 8;
/** Each node costs a run of these, so few must do: so many rows of so many batches. */
const NODE_BATCHES = 4;
const NODE_ROWS = 4;
/** Key in the metadata of models whose channels were rescaled before they were quantized. */
export const RESCALED_KEY = "modelpress.rescaled";

export interface NodeError {
  name: string;
  opType: string;
  /** Decibels of the output that suffers most when only this node is quantized; Infinity where nothing changes. */
  sqnrDb: number;
}

/** Where a quantized model loses what it loses, worst first. */
export interface LayerComparison {
  /** Empty where the candidate's channels were rescaled before it was quantized. */
  nodes: NodeError[];
  /** By the name in the reference; ordered by xmodelErr, or qdqErr where that is missing. */
  activations: (ActivationError & { name: string })[];
  weights: WeightError[];
  /** Samples that nodes were judged on; the others are of all samples. */
  nodeSamples: number;
  warnings: string[];
}

export interface CompareLayersOptions {
  data?: DatasetSource | undefined;
  samples?: number | undefined;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Compares what a quantized model computes inside with the float model that it was made of: the error of every stored
 * weight; of every activation what its rounding costs (`qdqErr`) and how far it is from the float model's (`xmodelErr`),
 * as onnxruntime's debugger (quantization.qdq_loss_debug) defines them; and the error of the outputs when a single node
 * is quantized. Tensors are found by the names that onnxruntime's quantizer and this one give them.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for a candidate without QuantizeLinear and DequantizeLinear pairs, and
 *   what compareModels throws
 */
export async function compareLayers(
  reference: string | Uint8Array,
  candidate: string | Uint8Array,
  options: CompareLayersOptions,
): Promise<LayerComparison> {
  const folder = await mkdtemp(join(tmpdir(), "modelpress-layers-"));
  await using models = await ModelProcess.start({ signal: options.signal });
  const quantized = readOnnx(candidate);
  let float: Graph | undefined;
  try {
    const graph = new Graph(quantized);
    const pairs = quantizedPairs(graph);
    const label = typeof candidate === "string" ? candidate : "the candidate";
    if (pairs.length === 0)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${label} has no activations between QuantizeLinear and DequantizeLinear, so its layers cannot be compared; quantize in static mode with format qdq`,
      );
    float = await floatGraph(models, reference, graph, pairs, folder);
    const weights = weightErrors(float, graph).toSorted((a, b) => a.sqnrDb - b.sqnrDb);
    const activations = await compareActivations(models, float, graph, pairs, folder, options);
    const rescaled = RESCALED_KEY in quantized.metadata;
    // A rescaled node does not fit between nodes that are not.
    const nodes = rescaled
      ? { nodes: [], nodeSamples: 0 }
      : await compareNodes(models, float, graph, folder, options);
    const warnings = rescaled
      ? [
          "the candidate's channels were rescaled before it was quantized, so only qdqErr says what quantization costs: the other errors count the rescaling too, and nodes cannot be compared one by one",
        ]
      : [];
    return { ...nodes, activations, weights, warnings };
  } finally {
    float?.model.close();
    quantized.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The reference as it is, as onnxruntime optimises it, or as it is then folded: whichever has most of the candidate's tensors. */
async function floatGraph(
  models: ModelProcess,
  reference: string | Uint8Array,
  candidate: Graph,
  pairs: readonly QuantizedPair[],
  folder: string,
): Promise<Graph> {
  let path = reference;
  if (typeof path !== "string") {
    path = join(folder, "reference.onnx");
    await writeFile(path, reference);
  }
  const open = (each: string): Graph => {
    const model = readOnnx(each);
    upgradeOpset(model.proto);
    // Nodes of the candidate come into it.
    if ((candidate.opset() ?? 0) >= BLOCKS_OPSET) upgradeToOpset21(model.proto);
    return new Graph(model);
  };
  const asItIs = open(path);
  const optimized = join(folder, "optimized.onnx");
  const external = [...tensorsOf(asItIs.model.proto)].some(isExternal);
  await models.optimizeModelFile(path, optimized, "basic", { external });
  const folded = open(optimized);
  foldAffine(folded);
  const [best, ...others] = [open(optimized), asItIs, folded]
    .map((graph) => ({ graph, known: known(graph, candidate, pairs) }))
    .sort((a, b) => b.known - a.known);
  for (const { graph } of others) graph.model.close();
  return best!.graph;
}

function known(graph: Graph, candidate: Graph, pairs: readonly QuantizedPair[]): number {
  return pairs.filter(({ name }) => has(graph, name)).length + weightErrors(graph, candidate).length;
}

function has(graph: Graph, tensor: string): boolean {
  return graph.producer(tensor) !== undefined || graph.inputs.has(tensor);
}

async function compareActivations(
  models: ModelProcess,
  reference: Graph,
  candidate: Graph,
  pairs: readonly QuantizedPair[],
  folder: string,
  options: CompareLayersOptions,
): Promise<LayerComparison["activations"]> {
  const load = async (graph: Graph, tensors: readonly string[], name: string) => {
    const outputs = new Map(tensors.map((tensor) => [observedName(graph.model, tensor), tensor]));
    const path = join(folder, name);
    const exposed = withOutputs(graph.model, outputs);
    await writeOnnx(path, exposed, { sync: false });
    exposed.close();
    // Fused, the tensors in between would not be what the model says.
    return models.load(path, { graphOptimization: "disabled", ...threadsOf(options) });
  };
  const known = pairs.filter(({ name }) => has(reference, name));
  const first = await load(
    reference,
    known.map(({ name }) => name),
    "reference-tensors.onnx",
  );
  const second = await load(
    candidate,
    pairs.flatMap(({ before, after }) => [before, after]),
    "candidate-tensors.onnx",
  );
  const compared = pairs.map(({ name, before, after }) => ({
    name,
    before: observedName(candidate.model, before),
    after: observedName(candidate.model, after),
    ...(has(reference, name) && { float: observedName(reference.model, name) }),
  }));
  const dataset = await open(second.inputs, options);
  await forEachBatch(
    dataset,
    ({ feeds, count, padding }) => second.compareTensors(first, feeds, compared, { count, padding }),
    { stage: "compare layers", onProgress: options.onProgress },
  );
  const errors = await second.comparedTensors();
  first.release();
  second.release();
  const rank = ({ qdqErr, xmodelErr = qdqErr }: ActivationError) => xmodelErr;
  return Object.entries(errors)
    .map(([name, error]) => ({ name, ...error }))
    .sort((a, b) => rank(a) - rank(b));
}

async function compareNodes(
  models: ModelProcess,
  reference: Graph,
  candidate: Graph,
  folder: string,
  options: CompareLayersOptions,
): Promise<Pick<LayerComparison, "nodes" | "nodeSamples">> {
  const switched = switchNodes(copyGraph(reference).graph, candidate);
  if (switched.nodes.length === 0) return { nodes: [], nodeSamples: 0 };
  const session = await SwitchedSession.load(models, switched, folder, options.threads);
  const batches: Batch[] = [];
  for await (const batch of await open(session.inputs, options)) {
    batches.push(firstRows(batch, NODE_ROWS, session.inputs));
    if (batches.length === NODE_BATCHES) break;
  }
  const nodes: NodeError[] = [];
  for (const node of switched.nodes) {
    nodes.push({ name: node.name, opType: node.opType, sqnrDb: await session.sqnrDb([node], batches) });
    options.onProgress?.({ stage: "compare nodes", done: nodes.length, total: switched.nodes.length });
  }
  session.release();
  const nodeSamples = batches.reduce((sum, { count }) => sum + count, 0);
  return { nodes: nodes.toSorted((a, b) => a.sqnrDb - b.sqnrDb), nodeSamples };
}

async function open(inputs: readonly ValueInfo[], { data, samples }: CompareLayersOptions): Promise<Dataset> {
  if (data === undefined) return randomDataset(inputs, { samples: samples ?? 32, batch: BATCH });
  return openDataset(data, { inputs, samples, batch: BATCH });
}

function threadsOf({ threads }: CompareLayersOptions): { threads?: number } {
  return threads === undefined ? {} : { threads };
}

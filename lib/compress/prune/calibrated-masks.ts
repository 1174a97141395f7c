import { ModelOperationError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { withModels } from "../with-models.js";
import { type ChosenMasks, chooseMasks } from "./choose-masks.js";
import type { GraphSource } from "./graph-source.js";
import type { MaskContext } from "./mask.js";
import type { PruneOptions, PruneSettings } from "./options.js";
import { FitCollector } from "./repair/fit-collector.js";
import { inputScores, plainScores } from "./repair/input-scores.js";
import type { LayerRepairs } from "./repair/repair-layer.js";
import { type Edit, repairPruned } from "./repair/repair-pruned.js";
import { type RepairableLayer, repairableLayers } from "./repair/repairable-layers.js";
import { anyRepair, describeRepairs } from "./repair/repairs.js";
import { scoredWeight, valueMask } from "./repair/scored-weights.js";
import type { Weight } from "./weight.js";

export interface CalibratedMasks extends ChosenMasks {
  /** Changes of biases and statistics that go with the masks. */
  readonly edits: readonly Edit[];
  /** What was done, in plain words. */
  readonly repairs: readonly string[];
}

type Calibration = Pick<PruneOptions, "data" | "samples" | "threads" | "signal" | "onProgress">;

/**
 * Chooses what goes by what samples show of each layer's inputs, and repairs what stays, as the settings have it.
 *
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model
 */
export async function calibratedMasks(
  { model, weights }: GraphSource,
  settings: PruneSettings,
  { data, samples, threads, signal, onProgress }: Calibration,
  context: MaskContext,
): Promise<CalibratedMasks> {
  return withModels(signal, async (models, folder) => {
    const graph = new Graph(model);
    const layers = repairableLayers(graph, weights);
    if (layers.length === 0) throw nothingToCalibrate(model.path);
    const runs = { data: data!, samples, threads, folder };
    const collector = await FitCollector.open(models, model, layers, runs);
    onProgress?.({ stage: "calibrate", done: 0 });
    const chosen = isScored(settings)
      ? await scoredMasks(graph, weights, layers, collector, settings, context)
      : await chooseMasks(weights, settings, context);
    const repairs = layerRepairs(settings);
    if (!repairs) return { ...chosen, edits: [], repairs: [] };
    const repaired = await repairPruned(graph, collector, layers, chosen.masks, repairs, onProgress);
    const { masks, edits } = repaired;
    return { ...chosen, masks, edits, repairs: [describe(repaired.layers, masks.length, settings)] };
  });
}

function isScored({ score }: PruneSettings): boolean {
  return score === "wanda" || score === "sparsegpt";
}

/** Masks by scores of inputs; weights of which calibration shows nothing are compared by their share of their own size. */
async function scoredMasks(
  graph: Graph,
  weights: readonly Weight[],
  layers: readonly RepairableLayer[],
  collector: FitCollector,
  settings: PruneSettings,
  context: MaskContext,
): Promise<ChosenMasks> {
  const scores = new Map<string, Float32Array>();
  const { bias, batchNorm } = settings.repair;
  for await (const [layer, statistics] of collector.collect(layers, false)) {
    const centred = layer.canShift && (bias || batchNorm);
    scores.set(layer.weight.name, inputScores(graph, layer, statistics, centred));
  }
  const scored = weights.map((weight) =>
    scoredWeight(weight, scores.get(weight.name) ?? plainScores(weight)),
  );
  const { masks, dense } = await chooseMasks(scored, settings, context);
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  return { masks: masks.map((mask) => valueMask(byName.get(mask.weight.name)!, mask)), dense };
}

function layerRepairs({ score, repair }: PruneSettings): LayerRepairs | undefined {
  const choose = score === "sparsegpt" || (score === "wanda" && repair.leastSquares) ? score : undefined;
  return choose !== undefined || anyRepair(repair) ? { choose, ...repair } : undefined;
}

function describe(layers: number, weights: number, { score, repair }: PruneSettings): string {
  const moved = score === "sparsegpt" ? ["weights moved to make good what went"] : [];
  return `repaired ${layers} of ${weights} weights: ${[...moved, ...describeRepairs(repair)].join(", ")}`;
}

function nothingToCalibrate(path: string | undefined): ModelOperationError {
  return new ModelOperationError(
    "UNSUPPORTED_MODEL",
    `${path ?? "the model"}: samples show nothing of its weights, which no Conv, Gemm or MatMul of its main graph reads alone; prune it without data`,
  );
}

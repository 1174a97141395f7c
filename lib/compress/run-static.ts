import type { Graph } from "../graph/graph.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { planActivations } from "./activation-plan.js";
import { calibrateModel } from "./calibrate-model.js";
import type { SparedReason } from "./exclude-nodes.js";
import { fragileNodes } from "./keep-float.js";
import type { QuantizeOptions, QuantizeResult, QuantizeSettings } from "./options.js";
import { activationParams, quantizeStatic, staticWeights } from "./quantize-static.js";
import { repairLayers } from "./repair/repair-layers.js";
import { type Selection, selectNodes } from "./select-nodes.js";
import { staticTreatments } from "./treatments.js";

export interface StaticOptions {
  readonly options: QuantizeOptions;
  readonly settings: QuantizeSettings;
  /** Where models to be run may be written. */
  readonly folder: string;
  readonly spared: SparedReason;
}

/** Static quantization of a graph: ranges from calibration, what is to stay in float, repairs, and the rewriting. */
export async function runStatic(
  models: ModelProcess,
  graph: Graph,
  all: Selection,
  { options, settings, folder, spared }: StaticOptions,
): Promise<Pick<QuantizeResult, "ranges" | "samples" | "nodes" | "repairs">> {
  const { samples, calibrate = "mse", threads, keepFloat = "auto", onProgress } = options;
  const firstPlan = planActivations(graph, all);
  const runs = { data: options.data!, samples, threads, folder, onProgress };
  const calibration = await calibrateModel(models, graph.model, [...firstPlan.activations.keys()], {
    ...runs,
    method: calibrate,
  });
  onProgress?.({ stage: "quantize", done: 0 });
  const fragile =
    keepFloat === "auto" ? fragileNodes(all, firstPlan, calibration.ranges) : new Map<never, string>();
  const kept = fragile.size > 0;
  const selection = kept ? selectNodes(graph, (node) => spared(node) ?? fragile.get(node)) : all;
  const plan = kept ? planActivations(graph, selection) : firstPlan;
  const params = activationParams(graph, plan, calibration.ranges, settings);
  const layers = { graph, selection, plan, params, settings };
  const weights = staticWeights(layers);
  const { corrections, repairs } = await repairLayers(models, { ...layers, weights }, options, runs);
  quantizeStatic({ ...layers, weights, corrections });
  const ranges = [...params].map(([tensor, { scale, zeroPoint }]) => {
    const { min, max, sqnrDb } = calibration.ranges[tensor]!;
    return [tensor, { min, max, scale, zeroPoint, sqnrDb }] as const;
  });
  return {
    ranges: Object.fromEntries(ranges),
    samples: calibration.samples,
    nodes: staticTreatments(selection, plan),
    repairs,
  };
}

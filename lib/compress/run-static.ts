import type { Graph } from "../graph/graph.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { activationParams } from "./activation-params.js";
import { planActivations } from "./activation-plan.js";
import { calibrateModel } from "./calibrate-model.js";
import type { SparedReason } from "./exclude-nodes.js";
import { fragileNodes } from "./keep-float.js";
import type { QuantizeOptions, QuantizeResult, QuantizeSettings } from "./options.js";
import { isWide } from "./quantize-domain.js";
import { quantizeStatic, staticWeights } from "./quantize-static.js";
import { MeasuredBiases } from "./repair/measured-biases.js";
import { repairLayers } from "./repair/repair-layers.js";
import { type Selection, selectNodes } from "./select-nodes.js";
import { toQOperator } from "./to-qoperator.js";
import { staticTreatments } from "./treatments.js";

export interface StaticOptions {
  readonly options: QuantizeOptions;
  readonly settings: QuantizeSettings;
  /** Where models to be run may be written. */
  readonly folder: string;
  readonly spared: SparedReason;
  /** Operator types to quantize wherever they stand. */
  readonly asked: readonly string[] | undefined;
}

/** Static quantization of a graph: ranges from calibration, what is to stay in float, repairs, and the rewriting. */
export async function runStatic(
  models: ModelProcess,
  graph: Graph,
  all: Selection,
  { options, settings, folder, spared, asked }: StaticOptions,
): Promise<Pick<QuantizeResult, "ranges" | "samples" | "calibrationCache" | "nodes" | "repairs">> {
  const { samples, percentile, calibrationCache, threads, keepFloat = "auto", onProgress } = options;
  // The smallest error in steps of 8 bits is not that in steps of 16.
  const { calibrate = isWide(settings.activations) ? "minmax" : "mse" } = options;
  const firstPlan = planActivations(graph, all, settings);
  const runs = { data: options.data!, samples, threads, folder, onProgress };
  const calibration = await calibrateModel(models, graph.model, [...firstPlan.activations.keys()], {
    ...runs,
    observer: { method: calibrate, percentile },
    cache: calibrationCache,
  });
  onProgress?.({ stage: "quantize", done: 0 });
  const fragile =
    keepFloat === "auto"
      ? fragileNodes(all, firstPlan, calibration.ranges, settings)
      : new Map<never, string>();
  const kept = fragile.size > 0;
  const selection = kept ? selectNodes(graph, (node) => spared(node) ?? fragile.get(node), asked) : all;
  const plan = kept ? planActivations(graph, selection, settings) : firstPlan;
  const roots = new Set([...plan.activations.values()].map(({ rangeOf }) => rangeOf));
  const params = new Map(
    [...roots].map((root) => [root, activationParams(graph, root, calibration.ranges[root], settings)]),
  );
  const layers = { graph, selection, plan, params, settings };
  const weights = staticWeights(layers);
  const { corrections, repairs } = await repairLayers(models, { ...layers, weights }, options, runs);
  const measured =
    options.correctBias === "empirical"
      ? await MeasuredBiases.ofFloat(
          models,
          graph,
          [...corrections.keys()].map((node) => selection.anchors.get(node)!),
          runs,
        )
      : undefined;
  quantizeStatic({ ...layers, weights, corrections });
  await measured?.correct(models, runs);
  if (settings.format === "qoperator") toQOperator(graph);
  const ranges = [...params].map(([tensor, each]) => {
    const { sqnrDb = Number.NaN } = calibration.ranges[tensor] ?? {};
    return [tensor, { ...each, sqnrDb }] as const;
  });
  return {
    ranges: Object.fromEntries(ranges),
    samples: calibration.samples,
    ...(calibration.cache && { calibrationCache: calibration.cache }),
    nodes: staticTreatments(selection, plan, settings),
    repairs,
  };
}

import { KeptSamples } from "../data/kept-samples.js";
import type { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { activationParams } from "./activation-params.js";
import { planActivations } from "./activation-plan.js";
import { calibrateModel } from "./calibrate-model.js";
import { unusedOverrides } from "./check-overrides.js";
import { chooseFloat } from "./choose-float.js";
import type { SparedReason } from "./exclude-nodes.js";
import { isFaint } from "./faint.js";
import { fragileNodes } from "./keep-float.js";
import type {
  FloatChoice,
  NodeTreatment,
  QuantizeOptions,
  QuantizeResult,
  QuantizeSettings,
} from "./options.js";
import { isWide } from "./quantize-domain.js";
import { quantizeStatic, staticWeights } from "./quantize-static.js";
import { MeasuredBiases } from "./repair/measured-biases.js";
import { repairLayers } from "./repair/repair-layers.js";
import { nameOf, type Selection, selectNodes } from "./select-nodes.js";
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
  /** Takes the names of tensors whose values are too small for a scale. */
  readonly faint: Set<string>;
}

/** Trained models keep 30 dB and more nearly everywhere; below this, a tenth of the signal, answers begin to change. */
const MIN_SQNR = 20;

export interface StaticResult
  extends Pick<
    QuantizeResult,
    "ranges" | "samples" | "calibrationCache" | "keepFloat" | "nodes" | "repairs" | "warnings"
  > {
  /** Nodes whose weights are to stay in float, too. */
  readonly whole: ReadonlySet<NodeProto>;
}

/** Static quantization of a graph: ranges from calibration, what is to stay in float, repairs, and the rewriting. */
export async function runStatic(
  models: ModelProcess,
  graph: Graph,
  all: Selection,
  { options, settings, folder, spared, asked, faint }: StaticOptions,
): Promise<StaticResult> {
  const {
    minSqnr = MIN_SQNR,
    samples,
    percentile,
    calibrationCache,
    threads,
    keepFloat = "auto",
    correctBias = "auto",
    onProgress,
  } = options;
  // The smallest error in steps of 8 bits is not that in steps of 16.
  const { calibrate = isWide(settings.activations) ? "minmax" : "mse" } = options;
  const firstPlan = planActivations(graph, all, settings);
  const runs = { data: options.data!, samples, threads, folder, onProgress };
  const kept = new KeptSamples();
  const calibration = await calibrateModel(models, graph, [...firstPlan.activations.keys()], {
    ...runs,
    observer: { method: calibrate, percentile },
    cache: calibrationCache,
    kept,
  });
  onProgress?.({ stage: "quantize", done: 0 });
  const fragile =
    keepFloat === "auto"
      ? fragileNodes(all, firstPlan, calibration.ranges, settings)
      : new Map<never, string>();
  const robust: SparedReason = (node) => spared(node) ?? fragile.get(node);
  const layersOf = (selection: Selection, tooSmall?: Set<string>) => {
    const plan = planActivations(graph, selection, settings);
    const roots = new Set([...plan.activations.values()].map(({ rangeOf }) => rangeOf));
    const params = new Map(
      [...roots].map((root) => [root, activationParams(graph, root, calibration.ranges[root], settings)]),
    );
    const layers = { graph, selection, plan, params, settings };
    return { ...layers, weights: staticWeights(layers, tooSmall) };
  };
  const corrections = async () => {
    const layers = layersOf(selectNodes(graph, robust, asked));
    return (await repairLayers(models, layers, { correctBias: "analytical" }, runs)).corrections;
  };
  const chosen =
    keepFloat === "auto" && !isWide(settings.activations)
      ? await chooseFloat(models, {
          graph,
          ranges: calibration.ranges,
          samples: kept,
          settings,
          spared: robust,
          asked,
          target: minSqnr,
          ...(correctBias === "auto" && { corrections }),
          folder,
          threads,
          onProgress,
        })
      : undefined;
  const selection = selectNodes(graph, (node) => robust(node) ?? chosen?.reasons.get(node), asked);
  const layers = layersOf(selection, faint);
  const { plan, params } = layers;
  for (const [tensor, each] of params) if (isFaint(each)) faint.add(tensor);
  const biases = correctBias !== "auto" ? correctBias : chosen?.correctsBiases && "analytical";
  const repaired = await repairLayers(models, layers, { ...options, correctBias: biases }, runs);
  const measured =
    correctBias === "empirical"
      ? await MeasuredBiases.ofFloat(
          models,
          graph,
          [...repaired.corrections.keys()].map((node) => selection.anchors.get(node)!),
          runs,
        )
      : undefined;
  quantizeStatic({ ...layers, corrections: repaired.corrections });
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
    ...(chosen && { keepFloat: chosen.choice }),
    nodes: [...staticTreatments(selection, plan, settings), ...keptBridges(selection, chosen?.reasons)],
    repairs: repaired.repairs,
    warnings: [unusedOverrides(settings.overrides, plan), chosen && tooFew(chosen.choice)].filter(
      (each) => each !== undefined,
    ),
    whole: chosen?.whole ?? new Set(),
  };
}

/** The others that stay in float are among those that the selection refused. */
function keptBridges(
  { refused }: Selection,
  reasons: ReadonlyMap<NodeProto, string> = new Map(),
): NodeTreatment[] {
  const known = new Set(refused.map(({ name }) => name));
  return [...reasons]
    .filter(([node]) => !known.has(nameOf(node)))
    .map(([node, reason]) => ({ name: nameOf(node), opType: node.opType, treatment: "float", reason }));
}

function tooFew({ afterDb, targetDb }: FloatChoice): string | undefined {
  if (afterDb >= targetDb) return undefined;
  return `over some calibration samples the outputs keep only ${afterDb.toFixed(1)} dB, and no quarter of the nodes left in float would bring them to ${targetDb}; compare the models on labelled samples`;
}

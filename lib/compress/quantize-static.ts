import type { ObservedRange } from "../calibrate/observer.js";
import { ModelOperationError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { computeQuantParams, type QuantParams } from "../quantize/compute-quant-params.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { Anchor } from "./anchors.js";
import { insertActivations } from "./insert-activations.js";
import type { QuantizeSettings } from "./options.js";
import { fitBias, quantizeBias } from "./quantize-bias.js";
import { addToBias } from "./repair/add-to-bias.js";
import type { Selection } from "./select-nodes.js";
import { WeightStore } from "./weight-store.js";

/** QuantizeLinear takes an axis from here on. */
export const PER_CHANNEL_OPSET = 13;

/** Nodes that are about to be rewritten, and everything that was decided about them. */
export interface StaticDecisions {
  readonly graph: Graph;
  readonly selection: Selection;
  readonly plan: ActivationPlan;
  /** Scale and zero point of activations, by the tensor whose range they are of. */
  readonly params: ReadonlyMap<string, QuantParams>;
  /** Holds the weights whose steps were chosen before; the others are rounded to nearest. */
  readonly weights: WeightStore;
  /** What to add to the bias of a layer. */
  readonly corrections: ReadonlyMap<NodeProto, Float32Array>;
  readonly settings: QuantizeSettings;
}

/**
 * Rewrites the selected nodes into the QDQ form: int8 weights and int32 biases behind DequantizeLinear, activations
 * through QuantizeLinear and DequantizeLinear. onnxruntime fuses each group into one integer kernel when it loads the
 * model; the rules are those of its own quantizer (QuantFormat.QDQ).
 */
export function quantizeStatic(decisions: StaticDecisions): void {
  const { graph, selection, plan, params, weights, corrections, settings } = decisions;
  for (const { node, clamp } of plan.merged) mergeClamp(graph, node, clamp);
  for (const original of selection.anchors.values()) {
    if (original.weight === undefined) continue;
    const correction = corrections.get(original.node);
    const anchor = correction ? addToBias(graph, original, correction) : original;
    const axis = weightAxis(graph, anchor, settings);
    const { scales } = weights.quantize(original.weight, axis);
    graph.setInput({ node: anchor.node, index: 1 }, weights.dequantized(original.weight, axis));
    if (anchor.bias) quantizeBias(graph, anchor, inputParams(decisions, anchor).scale, scales);
  }
  insertActivations(graph, plan.activations.values(), params, selection, settings);
}

/** Scale and zero point of the first input of a layer. */
export function inputParams(
  { plan, params }: Pick<StaticDecisions, "plan" | "params">,
  { node }: Anchor,
): QuantParams {
  return params.get(plan.activations.get(node.input[0]!)!.rangeOf)!;
}

function mergeClamp(graph: Graph, node: NodeProto, clamp: NodeProto): void {
  graph.removeNode(clamp);
  graph.setOutput(node, 0, clamp.output[0]!);
}

/** onnxruntime's integer kernels want one zero point for all channels, which only symmetric weights have. */
export function weightAxis(graph: Graph, { axis }: Anchor, settings: QuantizeSettings): number | undefined {
  const possible = settings.perChannel && settings.weights === "int8" && graph.opset()! >= PER_CHANNEL_OPSET;
  return possible ? axis : undefined;
}

/** Scale and zero point of every tensor whose range the plan needs. */
export function activationParams(
  graph: Graph,
  { activations }: ActivationPlan,
  ranges: Readonly<Record<string, ObservedRange>>,
  settings: QuantizeSettings,
): Map<string, QuantParams> {
  const roots = new Set([...activations.values()].map(({ rangeOf }) => rangeOf));
  return new Map([...roots].map((root) => [root, paramsOf(graph, root, ranges[root], settings)]));
}

/**
 * The weights of the selected nodes, with scales that leave room for their biases. Weights may be shared, so every bias
 * has its say on a scale before the first weight is quantized with it.
 */
export function staticWeights(
  decisions: Pick<StaticDecisions, "graph" | "selection" | "plan" | "params" | "settings">,
): WeightStore {
  const { graph, selection, settings } = decisions;
  const weights = new WeightStore(graph, settings);
  if (settings.weights !== "int8") return weights;
  for (const anchor of selection.anchors.values())
    if (anchor.weight !== undefined && anchor.bias)
      fitBias(
        graph,
        anchor,
        inputParams(decisions, anchor).scale,
        weights,
        weightAxis(graph, anchor, settings),
      );
  return weights;
}

function paramsOf(
  graph: Graph,
  tensor: string,
  range: ObservedRange | undefined,
  { activations: dtype }: QuantizeSettings,
): QuantParams {
  // Softmax gives 0..1 by definition; what the samples reached says less.
  if (graph.producer(tensor)?.opType === "Softmax") return computeQuantParams({ min: 0, max: 1, dtype });
  if (!range || range.count === 0)
    throw new ModelOperationError(
      "CALIBRATION_INVALID",
      `the samples gave no value of tensor ${JSON.stringify(tensor)}; give samples that run this part of the model, or exclude its node`,
    );
  return computeQuantParams({ min: range.min, max: range.max, dtype });
}

import type { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { ActivationParams } from "./activation-params.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { Anchor } from "./anchors.js";
import { insertActivations } from "./insert-activations.js";
import type { QuantizeSettings } from "./options.js";
import { fitBias, quantizeBias } from "./quantize-bias.js";
import { quantizeConstants } from "./quantize-constants.js";
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
  readonly params: ReadonlyMap<string, ActivationParams>;
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
    const { scales } = weights.quantize(original.weight, axis).params();
    const bare = anchor.node.opType !== "Gemm" && anchor.node.opType !== "MatMul";
    graph.setInput({ node: anchor.node, index: 1 }, weights.dequantized(original.weight, axis, bare));
    if (anchor.bias && settings.quantizeBias)
      quantizeBias(graph, anchor, inputParams(decisions, anchor).scale, scales);
  }
  quantizeConstants(graph, plan.constants, selection, settings, weights);
  insertActivations(graph, plan.activations.values(), params, selection, weights.zeroPoints);
}

/** Scale and zero point of the first input of a layer. */
export function inputParams(
  { plan, params }: Pick<StaticDecisions, "plan" | "params">,
  { node }: Anchor,
): ActivationParams {
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

/**
 * The weights of the selected nodes, with scales that leave room for their biases. Weights may be shared, so every bias
 * has its say on a scale before the first weight is quantized with it.
 *
 * @param faint takes the names of weights whose values are too small for a scale
 */
export function staticWeights(
  decisions: Pick<StaticDecisions, "graph" | "selection" | "plan" | "params" | "settings">,
  faint = new Set<string>(),
): WeightStore {
  const { graph, selection, settings } = decisions;
  const weights = new WeightStore(graph, settings, faint);
  if (settings.weights !== "int8" || !settings.quantizeBias) return weights;
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

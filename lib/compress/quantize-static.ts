import type { ObservedRange } from "../calibrate/observer.js";
import type { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { type ActivationParams, activationParams } from "./activation-params.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { Anchor } from "./anchors.js";
import { insertActivations } from "./insert-activations.js";
import type { QuantizeSettings } from "./options.js";
import { fitBias, quantizeBias } from "./quantize-bias.js";
import { quantizeConstants } from "./quantize-constants.js";
import type { Selection } from "./select-nodes.js";
import { WeightStore } from "./weight-store.js";

/** QuantizeLinear takes an axis from here on. */
export const PER_CHANNEL_OPSET = 13;

/**
 * Rewrites the selected nodes into the QDQ form: int8 weights and int32 biases behind DequantizeLinear, activations
 * through QuantizeLinear and DequantizeLinear. onnxruntime fuses each group into one integer kernel when it loads the
 * model; the rules are those of its own quantizer (QuantFormat.QDQ).
 *
 * @returns scale and zero point by tensor name
 */
export function quantizeStatic(
  graph: Graph,
  selection: Selection,
  { activations, constants, merged }: ActivationPlan,
  ranges: Readonly<Record<string, ObservedRange>>,
  settings: QuantizeSettings,
): Map<string, ActivationParams> {
  const params = new Map<string, ActivationParams>();
  for (const { rangeOf } of activations.values())
    if (!params.has(rangeOf))
      params.set(rangeOf, activationParams(graph, rangeOf, ranges[rangeOf], settings));
  const inputScale = ({ node }: Anchor): number =>
    params.get(activations.get(node.input[0]!)!.rangeOf)!.scale;

  for (const { node, clamp } of merged) mergeClamp(graph, node, clamp);
  const weights = new WeightStore(graph, settings);
  const anchors = [...selection.anchors.values()].filter(({ weight }) => weight !== undefined);
  // Weights may be shared, so every bias has its say on a scale before the first weight is quantized with it.
  if (settings.weights === "int8" && settings.quantizeBias)
    for (const anchor of anchors)
      if (anchor.bias)
        fitBias(graph, anchor, inputScale(anchor), weights, weightAxis(graph, anchor, settings));
  for (const anchor of anchors) {
    const axis = weightAxis(graph, anchor, settings);
    const { scales } = weights.quantize(anchor.weight!, axis);
    graph.setInput({ node: anchor.node, index: 1 }, weights.dequantized(anchor.weight!, axis));
    if (anchor.bias && settings.quantizeBias) quantizeBias(graph, anchor, inputScale(anchor), scales);
  }
  quantizeConstants(graph, constants, selection, settings);
  insertActivations(graph, activations.values(), params, selection);
  return params;
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

import type { Graph } from "../graph/graph.js";
import type { Anchor } from "./anchors.js";
import { DynamicActivations } from "./dynamic-activations.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { NodeTreatment, QuantizeSettings } from "./options.js";
import { quantizeAttentions } from "./quantize-attention.js";
import { quantizeDynamic } from "./quantize-dynamic.js";
import { quantizeLstms } from "./quantize-lstm.js";
import type { Selection } from "./select-nodes.js";
import { dynamicTreatments } from "./treatments.js";

export interface DynamicOptions {
  readonly settings: QuantizeSettings;
  readonly spared: SparedReason;
  /** Anchors that are left for their weights to be stored only. */
  readonly weightsOnly: (anchor: Anchor) => boolean;
  /** Takes the names of weights whose values are too small for a scale. */
  readonly faint: Set<string>;
}

/** Dynamic quantization of a graph: products, attention and LSTM with inputs that are quantized at run time. */
export function runDynamic(
  graph: Graph,
  selection: Selection,
  { settings, spared, weightsOnly, faint }: DynamicOptions,
): { nodes: NodeTreatment[]; warnings: string[] } {
  const anchors = [...selection.anchors.values()].filter((anchor) => !weightsOnly(anchor));
  const activations = new DynamicActivations(graph);
  const dynamic = new Set(quantizeDynamic(graph, anchors, settings, activations, faint));
  const attentions = quantizeAttentions(graph, settings, spared, activations, faint);
  const lstms = quantizeLstms(graph, settings, spared, faint);
  const convs = [...dynamic].filter(({ node }) => node.opType === "Conv").length;
  const slow = `${convs} convolutions run as ConvInteger, which is 4 to 12 times slower than float in onnxruntime; static quantization makes them faster`;
  return {
    nodes: dynamicTreatments(selection, dynamic, attentions, lstms),
    warnings: convs > 0 ? [slow] : [],
  };
}

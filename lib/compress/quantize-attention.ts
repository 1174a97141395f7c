import type { Graph } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import type { DynamicActivations } from "./dynamic-activations.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { QuantizeSettings } from "./options.js";
import { WeightStore } from "./weight-store.js";

const DOMAIN = "com.microsoft";
/** What the quantized form knows of the attributes of the float one. */
const ATTRIBUTES = new Set([
  "num_heads",
  "unidirectional",
  "past_present_share_buffer",
  "mask_filter_value",
  "scale",
  "do_rotary",
]);

/**
 * Rewrites onnxruntime's Attention nodes (com.microsoft, which its transformer optimizer makes) into QAttention: the
 * weights of query, key and value in int8 with one scale per column, the input quantized at run time. Returns the nodes
 * rewritten.
 *
 * @param faint takes the names of weights whose values are too small for a scale
 */
export function quantizeAttentions(
  graph: Graph,
  settings: QuantizeSettings,
  spared: SparedReason,
  activations: DynamicActivations,
  faint: Set<string>,
): NodeProto[] {
  const weights = new WeightStore(graph, settings, faint);
  const suitable = graph
    .allNodes()
    .filter((node) => hasQAttention(graph, node) && spared(node) === undefined);
  for (const node of suitable) rewrite(graph, node, weights, activations, settings);
  return suitable;
}

/** Whether a node is an Attention that onnxruntime has a quantized form of. */
export function hasQAttention(graph: Graph, { opType, domain, input, attribute }: NodeProto): boolean {
  const [, weight, bias, , , ...others] = input;
  return (
    opType === "Attention" &&
    domain === DOMAIN &&
    graph.initializer(weight!)?.dataType === DataType.FLOAT &&
    Boolean(bias) &&
    // An added bias of scores, and lengths of the past, have no quantized form; nor have heads of unlike sizes.
    others.every((name) => name === "") &&
    attribute.every(({ name }) => ATTRIBUTES.has(name))
  );
}

function rewrite(
  graph: Graph,
  node: NodeProto,
  weights: WeightStore,
  activations: DynamicActivations,
  { perChannel, weights: dtype }: QuantizeSettings,
): void {
  const [input, weight, bias, mask = "", past] = node.input as [string, string, string, string?, string?];
  const x = activations.of(input);
  const w = weights.quantize(weight, perChannel && dtype === "int8" ? 1 : undefined);
  const inputs = [x.quantized, w.quantized, bias, x.scale, w.scale, mask, x.zeroPoint, w.zeroPoint];
  graph.removeNode(node);
  const integer = graph.addNode("QAttention", past ? [...inputs, past] : inputs, [...node.output], {
    name: graph.freeName(`${node.name || node.output[0]}_quant`),
    domain: DOMAIN,
  });
  integer.attribute = node.attribute;
}

import type { Anchor } from "../compress/anchors.js";
import { LOWEST_QUANTIZED_OPSET } from "../compress/choose-mode.js";
import { hasQAttention } from "../compress/quantize-attention.js";
import { hasDynamicLstm } from "../compress/quantize-lstm.js";
import { nameOf, selectNodes } from "../compress/select-nodes.js";
import { storedWeights } from "../compress/stored-weights.js";
import type { Graph } from "../graph/graph.js";
import { integerForm } from "../graph/integer-form.js";
import { UPGRADED_OPSET, whyNotUpgraded } from "../graph/upgrade-opset.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { Finding } from "./finding.js";

export interface Advice {
  /** What quantizing would do to a node. */
  why(node: NodeProto): string;
  readonly findings: Finding[];
}

/** What quantizing a float model would do to its nodes, and what stands in its way. */
export function adviseFloatModel(graph: Graph): Advice {
  const { anchors, bridges, refused } = selectNodes(graph, () => undefined);
  const refusals = new Map(refused.map(({ name, reason }) => [name, reason]));
  const stored = new Set(storedWeights(graph, () => undefined).map(({ node }) => node));
  return {
    why(node) {
      const anchor = anchors.get(node);
      if (anchor) return inIntegers(anchor);
      if (bridges.has(node)) return "would stay in integers between its neighbours";
      const refusal = refusals.get(nameOf(node));
      if (refusal !== undefined) return `stays in float: ${refusal}`;
      if (hasDynamicLstm(graph, node) || hasQAttention(graph, node))
        return "would run in integers when quantized dynamically";
      if (stored.has(node)) return "would have its weight stored in int8, and compute in float";
      return integerForm(node) ? "" : `onnxruntime has no integer ${node.opType}`;
    },
    findings: [...checkOpset(graph), ...checkDynamic([...anchors.values()])],
  };
}

function inIntegers({ node, weight }: Anchor): string {
  if (node.opType === "Conv") return "would run in integers when quantized statically";
  return weight === undefined
    ? "would run in integers when quantized statically (it multiplies two activations)"
    : "would run in integers when quantized statically or dynamically";
}

function checkOpset(graph: Graph): Finding[] {
  const opset = graph.opset() ?? 0;
  if (opset >= UPGRADED_OPSET) return [];
  const reason = whyNotUpgraded(graph.model.proto);
  if (reason === undefined)
    return [
      {
        severity: "info",
        code: "OPSET_TOO_OLD",
        message: `operator set ${opset} has one scale per tensor only; quantize brings it to ${UPGRADED_OPSET} first`,
        where: [],
      },
    ];
  return [
    {
      severity: opset < LOWEST_QUANTIZED_OPSET ? "error" : "warning",
      code: "OPSET_TOO_OLD",
      message: `operator set ${opset} ${opset < LOWEST_QUANTIZED_OPSET ? "has no quantized operators" : "has one scale per tensor only"}, and it cannot be brought to ${UPGRADED_OPSET}: ${reason}`,
      where: [],
    },
  ];
}

function checkDynamic(anchors: readonly Anchor[]): Finding[] {
  const convolutions = anchors.filter(({ node }) => node.opType === "Conv");
  if (convolutions.length === 0) return [];
  return [
    {
      severity: "info",
      code: "CONV_INTEGER_SLOW",
      message: `its ${convolutions.length} Conv would be 4 to 12 times slower in dynamic int8: give quantize --data, or leave the mode to it`,
      where: convolutions.map(({ node }) => nameOf(node)),
    },
  ];
}

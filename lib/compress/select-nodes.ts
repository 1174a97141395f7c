import type { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { type Anchor, anchorOf, isAnchorOp } from "./anchors.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { NodeTreatment } from "./options.js";

/** Output values are input values, so they share one scale: onnxruntime then moves bytes and computes nothing. */
export const SHARING_OPS = new Set(["MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"]);
/** Computed in integers by onnxruntime when both sides are quantized. */
const COMPUTING_OPS = new Set(["Add", "AveragePool", "GlobalAveragePool", "Concat"]);
/** Absorbed by the saturation of the quantized tensor before them. */
const CLAMP_OPS = new Set(["Relu", "Clip"]);

export interface Selection {
  readonly anchors: ReadonlyMap<NodeProto, Anchor>;
  /** Nodes between anchors that work on the quantized values too. */
  readonly bridges: ReadonlySet<NodeProto>;
  /** Nodes that could be anchors by their type but are not, and why. */
  readonly refused: readonly NodeTreatment[];
}

/**
 * Chooses what runs in integers: every Conv, Gemm and MatMul that can, and the operators that lie between two of
 * them, where leaving the integers and coming back would cost more than it gives. Everything else stays in float:
 * onnxruntime has no faster integer form of it, and every extra rounding costs accuracy.
 */
export function selectNodes(graph: Graph, spared: SparedReason): Selection {
  const anchors = new Map<NodeProto, Anchor>();
  const refused: NodeTreatment[] = [];
  for (const node of graph.allNodes()) {
    if (!isAnchorOp(node)) continue;
    const found = spared(node) ?? anchorOf(graph, node);
    if (typeof found !== "string") anchors.set(node, found);
    else refused.push({ name: nameOf(node), opType: node.opType, treatment: "float", reason: found });
  }
  return { anchors, bridges: findBridges(graph, anchors, spared), refused };
}

/** Unnamed nodes are known by what they make. */
export function nameOf(node: NodeProto): string {
  return node.name || node.output[0] || node.opType;
}

export function isClamp(node: NodeProto): boolean {
  return CLAMP_OPS.has(node.opType);
}

/** Starts from all candidates and drops those that no longer stand between quantized nodes, until none is dropped. */
function findBridges(
  graph: Graph,
  anchors: ReadonlyMap<NodeProto, Anchor>,
  spared: SparedReason,
): Set<NodeProto> {
  const bridges = new Set(
    graph
      .allNodes()
      .filter(({ opType }) => SHARING_OPS.has(opType) || COMPUTING_OPS.has(opType))
      .filter((node) => spared(node) === undefined && node.output.length === 1),
  );
  const quantized = (node: NodeProto | undefined): boolean =>
    node !== undefined && (anchors.has(node) || bridges.has(node));
  const made = (tensor: string): boolean => {
    const node = graph.producer(tensor);
    if (node && isClamp(node)) return quantized(graph.producer(node.input[0]!));
    return quantized(node);
  };
  const read = (tensor: string): boolean =>
    graph.consumers(tensor).some(({ node, index }) => {
      if (isClamp(node))
        return graph.consumers(node.output[0]!).some((use) => readsValue(use.node, use.index));
      return readsValue(node, index);
    });
  const readsValue = (node: NodeProto, index: number): boolean =>
    anchors.get(node)?.activations.includes(index) ??
    (bridges.has(node) && valueInputs(node).includes(index));
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of bridges) {
      const fits = valueInputs(node).every((index) => made(node.input[index]!)) && read(node.output[0]!);
      if (fits) continue;
      bridges.delete(node);
      changed = true;
    }
  }
  return bridges;
}

/** Inputs that carry values to work on; the others are shapes and axes. */
export function valueInputs(node: NodeProto): number[] {
  if (node.opType === "Add" || node.opType === "Concat") return node.input.map((_, index) => index);
  return [0];
}

import type { Graph } from "../graph/graph.js";
import { integerForm, valueInputs } from "../graph/integer-form.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { type Anchor, anchorOf, isAnchorOp } from "./anchors.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { NodeTreatment } from "./options.js";

/** Absorbed by the saturation of the quantized tensor before them. */
const CLAMP_OPS = new Set(["Relu", "Clip"]);
/** Has an integer form, but small probabilities are lost in its 8 bits: only where it is asked for. */
const COSTLY_OPS = new Set(["Softmax"]);
/** Quantized in a way of their own, or never. */
const NOT_BETWEEN_SCALES = new Set(
  "Relu Clip LSTM GRU RNN If Loop Scan Constant Cast QuantizeLinear DequantizeLinear".split(" "),
);

export interface Selection {
  readonly anchors: ReadonlyMap<NodeProto, Anchor>;
  /** Nodes that work on the quantized values too: those between anchors, and those that were asked for. */
  readonly bridges: ReadonlySet<NodeProto>;
  /** Nodes that could be anchors by their type but are not, and why. */
  readonly refused: readonly NodeTreatment[];
}

/**
 * Chooses what runs in integers: every Conv, Gemm and MatMul that can, and the operators that lie between two of
 * them, where leaving the integers and coming back would cost more than it gives. Everything else stays in float:
 * onnxruntime has no faster integer form of it, and every extra rounding costs accuracy.
 *
 * @param asked operator types to quantize wherever they stand, also without anchors around them
 */
export function selectNodes(graph: Graph, spared: SparedReason, asked: readonly string[] = []): Selection {
  const anchors = new Map<NodeProto, Anchor>();
  const refused: NodeTreatment[] = [];
  for (const node of graph.allNodes()) {
    if (!isAnchorOp(node, asked)) continue;
    const found = spared(node) ?? anchorOf(graph, node);
    if (typeof found !== "string") anchors.set(node, found);
    else refused.push({ name: nameOf(node), opType: node.opType, treatment: "float", reason: found });
  }
  const forced = graph
    .allNodes()
    .filter((node) => asked.includes(node.opType) && !isAnchorOp(node, asked) && spared(node) === undefined)
    .filter((node) => canStandBetweenScales(graph, node));
  return { anchors, bridges: findBridges(graph, anchors, spared, new Set(forced)), refused };
}

/** True where a scale can be put on both sides of a node. */
function canStandBetweenScales(graph: Graph, node: NodeProto): boolean {
  const input = node.input[0];
  return (
    isStandard(node) &&
    !NOT_BETWEEN_SCALES.has(node.opType) &&
    input !== undefined &&
    graph.initializer(input) === undefined &&
    [...valueInputs(node), 0].every((index) => isFloat(graph, node.input[index]!)) &&
    isFloat(graph, node.output[0]!)
  );
}

function isFloat(graph: Graph, tensor: string): boolean {
  return (graph.elementType(tensor) ?? DataType.FLOAT) === DataType.FLOAT;
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
  forced: ReadonlySet<NodeProto>,
): Set<NodeProto> {
  const candidates = graph
    .allNodes()
    .filter((node) => !isAnchorOp(node) && !COSTLY_OPS.has(node.opType) && integerForm(node) !== undefined)
    .filter((node) => spared(node) === undefined && valueOutputs(node).length === node.output.length)
    // Lengths and indices are moved too, but have no scale.
    .filter((node) => valueInputs(node).every((index) => isFloat(graph, node.input[index]!)));
  const bridges = new Set([...forced, ...candidates]);
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
      const fits = valueInputs(node).every((index) => made(node.input[index]!)) && node.output.every(read);
      if (fits || forced.has(node)) continue;
      bridges.delete(node);
      changed = true;
    }
  }
  return bridges;
}

/** Outputs that carry values; the others are counts and indices. */
export function valueOutputs(node: NodeProto): string[] {
  return node.opType === "Split" ? node.output : node.output.slice(0, 1);
}

import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import { type Graph, intAttributeOf } from "./graph.js";
import { ownFloats } from "./own-floats.js";

/** The values of a weight that belong to each channel: the weight seen as [outer, channels, inner]. */
export interface ChannelSlices {
  readonly weight: string;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** Two layers with nothing but channel-wise, positively homogeneous operators between them: f(s x) = s f(x) for s > 0. */
export interface ChannelPair {
  readonly first: NodeProto;
  readonly second: NodeProto;
  /** Channels the first layer makes. */
  readonly made: ChannelSlices;
  /** Bias of the first layer, one value per channel; absent where it has none. */
  readonly bias: string | undefined;
  /** The same channels where the second layer reads them. */
  readonly read: ChannelSlices;
}

const HOMOGENEOUS = new Set([
  "Relu",
  "LeakyRelu",
  "MaxPool",
  "AveragePool",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "Identity",
  "Dropout",
  "Flatten",
]);

/**
 * Finds the pairs of layers whose channels may be rescaled against each other without changing what the model
 * computes. Weights and biases that other nodes use too, and tensors with a second reader, end a chain.
 */
export function channelPairs(graph: Graph): ChannelPair[] {
  return graph.allNodes().flatMap((first) => {
    const made = madeChannels(graph, first);
    if (!made) return [];
    const biasName = first.input[2];
    const bias = biasName ? ownFloats(graph, biasName) : undefined;
    if (biasName && !bias) return [];
    if (bias && Number(bias.dims.reduce((a, b) => a * b, 1n)) !== made.channels) return [];
    const second = nextLayer(graph, first);
    const read = second && readChannels(graph, second, made.channels);
    return second && read ? [{ first, second, made, bias: biasName || undefined, read }] : [];
  });
}

function madeChannels(graph: Graph, node: NodeProto): ChannelSlices | undefined {
  if (node.opType !== "Conv" && node.opType !== "Gemm") return undefined;
  const stored = ownFloats(graph, node.input[1]!);
  if (!stored) return undefined;
  const shape = shapeOf(stored);
  const count = shape.reduce((a, b) => a * b, 1);
  const rows = node.opType === "Conv" || intAttributeOf(node, "transB", 0) !== 0;
  const channels = shape[rows ? 0 : 1]!;
  const outer = rows ? 1 : shape[0]!;
  return { weight: stored.name, outer, channels, inner: count / channels / outer };
}

function readChannels(graph: Graph, node: NodeProto, channels: number): ChannelSlices | undefined {
  const stored = ownFloats(graph, node.input[1]!);
  if (!stored) return undefined;
  const shape = shapeOf(stored);
  const count = shape.reduce((a, b) => a * b, 1);
  const weight = stored.name;
  if (node.opType === "Gemm") {
    if (intAttributeOf(node, "transA", 0) !== 0) return undefined;
    const transposed = intAttributeOf(node, "transB", 0) !== 0;
    const features = shape[transposed ? 1 : 0]!;
    // Behind a Flatten each channel is a run of features.
    if (features % channels !== 0) return undefined;
    return transposed
      ? { weight, outer: shape[0]!, channels, inner: features / channels }
      : { weight, outer: 1, channels, inner: count / channels };
  }
  const group = intAttributeOf(node, "group", 1);
  if (group === 1 && shape[1] === channels)
    return { weight, outer: shape[0]!, channels, inner: count / shape[0]! / channels };
  // Depthwise: the rows of a channel's own filters.
  if (group === channels && shape[1] === 1) return { weight, outer: 1, channels, inner: count / channels };
  return undefined;
}

/** The layer that reads a node's output and nothing but it, through operators that keep channels and scale. */
function nextLayer(graph: Graph, node: NodeProto): NodeProto | undefined {
  let tensor = node.output[0]!;
  for (;;) {
    const uses = graph.consumers(tensor);
    const use = uses[0];
    if (uses.length !== 1 || !use || use.index !== 0 || !graph.isInternal(tensor)) return undefined;
    const next = use.node;
    if (next.opType === "Conv" || next.opType === "Gemm") return next;
    if (!HOMOGENEOUS.has(next.opType)) return undefined;
    if (next.opType === "Flatten" && intAttributeOf(next, "axis", 1) !== 1) return undefined;
    tensor = next.output[0]!;
  }
}

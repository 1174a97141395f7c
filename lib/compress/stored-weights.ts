import { type Graph, intAttributeOf } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { expectedBytes } from "../onnx/tensor-proto.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { WeightAxis } from "./weight-store.js";

/** A large float constant that a node reads as its weight. */
export interface StoredWeight {
  readonly node: NodeProto;
  readonly index: number;
  readonly weight: string;
  readonly axis: WeightAxis;
}

/** Smaller weights gain less than the nodes that bring them back cost. */
export const SMALLEST_BYTES = 1024;

/** Where operators have their weights, and along what those should be scaled. */
function weightInputs(
  node: NodeProto,
  rank: (index: number) => number,
): { index: number; axis: WeightAxis }[] {
  switch (node.opType) {
    case "Conv":
      return [{ index: 1, axis: 0 }];
    case "ConvTranspose":
      return [{ index: 1, axis: intAttributeOf(node, "group", 1) === 1 ? 1 : 0 }];
    case "Gemm":
      return [{ index: 1, axis: intAttributeOf(node, "transB", 0) !== 0 ? 0 : 1 }];
    case "MatMul":
      return [{ index: 1, axis: rank(1) >= 2 ? rank(1) - 1 : undefined }];
    case "LSTM":
    case "GRU":
    case "RNN":
      return [
        { index: 1, axis: "rows" },
        { index: 2, axis: "rows" },
      ];
    case "Gather":
      return intAttributeOf(node, "axis", 0) === 0 && rank(0) === 2 ? [{ index: 0, axis: 0 }] : [];
    default:
      return [];
  }
}

/** The same for onnxruntime's own operators, which its transformer optimizer makes. */
const MICROSOFT: Readonly<Record<string, { index: number; axis: WeightAxis }[]>> = {
  Attention: [{ index: 1, axis: 1 }],
  FusedMatMul: [{ index: 1, axis: undefined }],
  EmbedLayerNormalization: [
    { index: 2, axis: 0 },
    { index: 3, axis: 0 },
    { index: 4, axis: 0 },
  ],
};

/**
 * The weights of a graph that are still in float32, of nodes that may be changed. A weight that something else reads in
 * float too is left out: it would be stored twice.
 */
export function storedWeights(graph: Graph, spared: SparedReason): StoredWeight[] {
  const found = graph.allNodes().flatMap((node) => {
    if (spared(node) !== undefined) return [];
    const rank = (index: number): number => graph.initializer(node.input[index]!)?.dims.length ?? 0;
    const inputs = isStandard(node)
      ? weightInputs(node, rank)
      : node.domain === "com.microsoft"
        ? (MICROSOFT[node.opType] ?? [])
        : [];
    return inputs.flatMap(({ index, axis }) => {
      const weight = node.input[index];
      return weight && isLargeFloat(graph, weight) ? [{ node, index, weight, axis }] : [];
    });
  });
  const covered = (weight: string): boolean =>
    graph.isInternal(weight) &&
    graph
      .consumers(weight)
      .every(({ node, index }) => found.some((each) => each.node === node && each.index === index));
  return found.filter(({ weight }) => covered(weight));
}

function isLargeFloat(graph: Graph, name: string): boolean {
  const tensor = graph.initializer(name);
  return tensor?.dataType === DataType.FLOAT && (expectedBytes(tensor) ?? 0) >= SMALLEST_BYTES;
}

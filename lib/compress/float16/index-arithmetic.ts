import { type Graph, intAttributeOf } from "../../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../../onnx/proto/onnx_pb.js";
import type { ElementTypes } from "./element-types.js";

/** What positions, sizes and factors are computed with. */
const ARITHMETIC = new Set(
  `Abs Add Ceil Concat Cos Div Exp Expand Floor Gather Identity Log MatMul Max Min Mod Mul Neg Pow Range Reciprocal ReduceProd
  Reshape Round Sin Slice Sqrt Squeeze Sub Transpose Unsqueeze Where`.split(/\s+/),
);

/**
 * Nodes that compute positions, sizes and angles: what goes into Sin, Cos, Range, the scales of Resize or a Cast to integers, and
 * was made of integers and constants only. float16 counts up to 2048 and would take neighbours for one.
 */
export function indexArithmetic(graph: Graph, typeOf: ElementTypes): Set<NodeProto> {
  const made = new Set<string>();
  const isExact = (tensor: string): boolean =>
    tensor === "" ||
    made.has(tensor) ||
    graph.initializer(tensor) !== undefined ||
    (typeOf(tensor) ?? DataType.FLOAT) !== DataType.FLOAT;
  // Nodes stand in an order in which every tensor is made before it is read.
  for (const node of graph.allNodes()) {
    const { opType, input, output } = node;
    if (opType === "Constant" || ((opType === "Cast" || ARITHMETIC.has(opType)) && input.every(isExact)))
      for (const tensor of output) made.add(tensor);
  }
  const kept = new Set<NodeProto>();
  const wanted = graph
    .allNodes()
    .flatMap((node) => exactInputs(node).map((index) => node.input[index] ?? ""));
  for (let tensor = wanted.pop(); tensor !== undefined; tensor = wanted.pop()) {
    const node = made.has(tensor) ? graph.producer(tensor) : undefined;
    if (!node || kept.has(node) || typeOf(tensor) !== DataType.FLOAT) continue;
    kept.add(node);
    wanted.push(...node.input);
  }
  for (const node of graph.allNodes())
    if ((node.opType === "Sin" || node.opType === "Cos") && made.has(node.input[0]!)) kept.add(node);
  return kept;
}

function exactInputs(node: NodeProto): number[] {
  switch (node.opType) {
    case "Cast":
      return intAttributeOf(node, "to", DataType.FLOAT) === DataType.FLOAT ? [] : [0];
    case "Sin":
    case "Cos":
      return [0];
    case "Range":
      return [0, 1, 2];
    case "Resize":
      return [1, 2];
    default:
      return [];
  }
}

import type { Graph } from "../../graph/graph.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";

/**
 * True for a Transpose of three axes that takes the first elsewhere, in front of a product with a constant. onnxruntime 1.30 dies
 * when it loads a model that has one in float16, whichever tool made it.
 */
export function isFatalTranspose(graph: Graph, { opType, attribute, output }: NodeProto): boolean {
  const order = attribute.find(({ name }) => name === "perm")?.ints ?? [];
  if (opType !== "Transpose" || order.length !== 3 || order[0] === 0n) return false;
  return graph
    .consumers(output[0]!)
    .some(({ node, index }) => node.opType === "MatMul" && isConstant(graph, node.input[1 - index]!));
}

function isConstant(graph: Graph, tensor: string): boolean {
  return graph.initializer(tensor) !== undefined || graph.producer(tensor)?.opType === "Constant";
}

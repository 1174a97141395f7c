import type { GraphProto, ModelProto, NodeProto, TensorProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { graphsOf } from "../onnx/walk.js";

/**
 * Makes initializers of the tensors in Constant nodes, in every graph of a model, so that they are found where weights
 * are looked for. Nothing is copied. Those of functions stay, since functions have no initializers.
 */
export function liftConstants(model: ModelProto): void {
  for (const graph of graphsOf(model)) lift(graph);
}

function lift(graph: GraphProto): void {
  const lifted = new Map<NodeProto, TensorProto>();
  for (const node of graph.node) {
    const value = isStandard(node) && node.opType === "Constant" ? tensorOf(node) : undefined;
    if (value) lifted.set(node, value);
  }
  if (lifted.size === 0) return;
  for (const [node, tensor] of lifted) {
    tensor.name = node.output[0]!;
    graph.initializer.push(tensor);
  }
  graph.node = graph.node.filter((node) => !lifted.has(node));
}

function tensorOf(node: NodeProto): TensorProto | undefined {
  return node.attribute.find(({ name }) => name === "value")?.t;
}

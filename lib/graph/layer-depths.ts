import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { Graph } from "./graph.js";

/** The longest way to each node in layers, itself counted where it is one. Nodes stand after what they need. */
export function layerDepths(graph: Graph, layers: ReadonlySet<NodeProto>): Map<NodeProto, number> {
  const depths = new Map<NodeProto, number>();
  for (const node of graph.allNodes()) {
    const before = node.input.map((input) => {
      const producer = graph.producer(input);
      return producer === undefined ? 0 : (depths.get(producer) ?? 0);
    });
    depths.set(node, Math.max(0, ...before) + (layers.has(node) ? 1 : 0));
  }
  return depths;
}

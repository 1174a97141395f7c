import { Graph } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../onnx/read.js";
import { graphsOf } from "../onnx/walk.js";

/** A node and the graph it stands in, the main one or a subgraph. */
export interface ListedNode {
  readonly node: NodeProto;
  readonly graph: Graph;
  /** Its name; an unnamed node is known by what it makes. */
  readonly name: string;
}

/** Every node of a model, those of subgraphs included, in the order of the file. */
export function listedNodes(model: OnnxModel): ListedNode[] {
  return [...graphsOf(model.proto)].flatMap((proto) => {
    const graph = new Graph(model, proto);
    return proto.node.map((node) => ({ node, graph, name: node.name || node.output[0] || node.opType }));
  });
}

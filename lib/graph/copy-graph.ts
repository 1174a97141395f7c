import { create } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import { openModel } from "../onnx/read.js";
import { Graph } from "./graph.js";

export interface GraphCopy {
  readonly graph: Graph;
  /** The node of which one in the copy is the copy. */
  readonly original: ReadonlyMap<NodeProto, NodeProto>;
}

/** The main graph of a model once more, to be edited without the first one changing. Tensors are shared. */
export function copyGraph({ model, proto }: Graph): GraphCopy {
  const original = new Map<NodeProto, NodeProto>();
  const node = proto.node.map((each) => {
    const copy = Object.assign(create(NodeProtoSchema), each, {
      input: [...each.input],
      output: [...each.output],
    });
    original.set(copy, each);
    return copy;
  });
  const graph = Object.assign(create(GraphProtoSchema), proto, { node });
  const opsetImport = [...model.proto.opsetImport];
  const copied = Object.assign(create(ModelProtoSchema), model.proto, { graph, opsetImport });
  return { graph: new Graph(openModel(copied, model.path)), original };
}

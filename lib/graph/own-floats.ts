import { TensorProto_DataType as DataType, type TensorProto } from "../onnx/proto/onnx_pb.js";
import type { Graph } from "./graph.js";

/** An initializer of float32 that a single node reads, so that its values may be changed for that; undefined where it is none. */
export function ownFloats(graph: Graph, name: string): TensorProto | undefined {
  if (graph.consumers(name).length !== 1 || !graph.isInternal(name)) return undefined;
  const stored = graph.initializer(name);
  return stored?.dataType === DataType.FLOAT ? stored : undefined;
}

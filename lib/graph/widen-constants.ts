import { float16ToFloat32 } from "../cast/float16-to-float32.js";
import { deferTensor } from "../onnx/deferred.js";
import { TensorProto_DataType as DataType } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import { type Graph, intAttributeOf } from "./graph.js";

/**
 * Makes float32 initializers of those in float16 that a Cast brings to float32, as onnxruntime puts them into models in float16
 * that it runs on processors, so that weights are found where they are looked for. Values are made when they are needed.
 */
export function widenConstants(graph: Graph): void {
  let widened = false;
  for (const node of graph.allNodes()) {
    const stored = graph.initializer(node.input[0] ?? "");
    const output = node.output[0]!;
    if (node.opType !== "Cast" || !isStandard(node) || stored?.dataType !== DataType.FLOAT16) continue;
    if (intAttributeOf(node, "to", DataType.UNDEFINED) !== DataType.FLOAT || !graph.isInternal(output))
      continue;
    graph.removeNode(node);
    graph.addInitializer(
      deferTensor(output, "float32", shapeOf(stored), (out) => {
        float16ToFloat32(graph.model.tensor(stored).data as Uint16Array, { out: out as Float32Array });
      }),
    );
    widened = true;
  }
  if (widened) graph.commit();
}

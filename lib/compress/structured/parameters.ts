import type { ModelProto } from "../../onnx/proto/onnx_pb.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { graphsOf } from "../../onnx/walk.js";
import { elementCount } from "../../tensor.js";

/** Values of all initializers; vectors of a few sizes do not weigh. */
export function countParameters(model: ModelProto): number {
  let count = 0;
  for (const { initializer } of graphsOf(model))
    for (const tensor of initializer) count += elementCount(shapeOf(tensor));
  return count;
}

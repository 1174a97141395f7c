import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";

/** True for the operators whose weight can be stored in blocks. */
export function isProduct(node: NodeProto): boolean {
  return isStandard(node) && (node.opType === "MatMul" || node.opType === "Gemm");
}

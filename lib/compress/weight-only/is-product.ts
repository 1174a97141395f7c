import type { NodeProto } from "../../onnx/proto/onnx_pb.js";

/** True for the operators whose weight can be stored in blocks. */
export function isProduct({ opType, domain }: NodeProto): boolean {
  return (opType === "MatMul" || opType === "Gemm") && (domain === "" || domain === "ai.onnx");
}

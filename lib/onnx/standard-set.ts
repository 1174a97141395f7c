import type { ModelProto, OperatorSetIdProto } from "./proto/onnx_pb.js";

/** True for what is of ONNX itself: an operator, or a set of them. It has two names. */
export function isStandard({ domain }: { readonly domain: string }): boolean {
  return domain === "" || domain === "ai.onnx";
}

/** The set of ONNX's own operators that a model is written in; undefined where it names none. */
export function standardSet({ opsetImport }: ModelProto): OperatorSetIdProto | undefined {
  return opsetImport.find(isStandard);
}

import type { Graph } from "../graph/graph.js";
import type { ActivationType } from "./options.js";

/** QuantizeLinear takes 16 bits from here on. */
const WIDE_OPSET = 21;

/** True for types that onnxruntime has no integer kernels for. */
export function isWide(dtype: ActivationType): boolean {
  return dtype === "uint16" || dtype === "int16";
}

/** Whose QuantizeLinear takes a type: the standard's, or onnxruntime's own where the operator set is too old. */
export function quantizeDomain(graph: Graph, dtype: ActivationType): "" | "com.microsoft" {
  return isWide(dtype) && graph.opset()! < WIDE_OPSET ? "com.microsoft" : "";
}

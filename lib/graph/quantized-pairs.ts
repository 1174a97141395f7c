import { TensorProto_DataType as DataType } from "../onnx/proto/onnx_pb.js";
import type { Graph } from "./graph.js";
import { floatName } from "./switch-nodes.js";

/** One activation of a quantized model, before and after it passes through integers. */
export interface QuantizedPair {
  /** Its name in the float model. */
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** The activations that pass through QuantizeLinear and DequantizeLinear, each once. */
export function quantizedPairs(graph: Graph): QuantizedPair[] {
  const pairs = new Map<string, QuantizedPair>();
  for (const quantize of graph.allNodes()) {
    const [before = ""] = quantize.input;
    const isFloat = (graph.elementType(before) ?? DataType.FLOAT) === DataType.FLOAT;
    if (quantize.opType !== "QuantizeLinear" || graph.initializer(before) || !isFloat) continue;
    const dequantize = graph
      .consumers(quantize.output[0]!)
      .find(({ node }) => node.opType === "DequantizeLinear");
    const name = floatName(before);
    if (dequantize && !pairs.has(name)) pairs.set(name, { name, before, after: dequantize.node.output[0]! });
  }
  return [...pairs.values()];
}

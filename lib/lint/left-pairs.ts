import { nameOf } from "../compress/select-nodes.js";
import type { Graph } from "../graph/graph.js";
import { isConversion } from "./integer-operators.js";
import { whyFloat } from "./why-float.js";

/** A tensor that is quantized and brought back with nothing computed in between. */
export interface LeftPair {
  tensor: string;
  /** The node that makes it; undefined for an input of the model. */
  maker: string | undefined;
  /** The nodes that read it back. */
  readers: string[];
  /** Why no integer kernel took it up. */
  why: string;
}

/** The pairs of QuantizeLinear and DequantizeLinear that are left in a graph after onnxruntime's fusions. */
export function leftPairs(original: Graph, optimized: Graph): LeftPair[] {
  return optimized.allNodes().flatMap((node) => {
    if (node.opType !== "QuantizeLinear") return [];
    const back = optimized.consumers(node.output[0]!);
    if (back.length === 0 || back.some((use) => use.node.opType !== "DequantizeLinear")) return [];
    const tensor = node.input[0]!;
    const readers = back.flatMap((use) => optimized.consumers(use.node.output[0]!).map((each) => each.node));
    const around = readers.filter((reader) => !isConversion(reader));
    const reasons = around.map((reader) => {
      const known = original.producer(reader.output[0]!) ?? reader;
      return `${known.opType}: ${whyFloat(original, known) ?? "not fused"}`;
    });
    const maker = optimized.producer(tensor);
    const why = reasons.length > 0 ? [...new Set(reasons)].join("; ") : "the model hands it out in float";
    return [{ tensor, maker: maker && nameOf(maker), readers: around.map(nameOf), why }];
  });
}

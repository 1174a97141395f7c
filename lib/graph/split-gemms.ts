import { isStandard } from "../onnx/standard-set.js";
import { gemmToMatMul } from "./gemm-to-matmul.js";
import { floatAttributeOf, type Graph } from "./graph.js";

/**
 * Makes MatMul and Add of every Gemm whose last term is computed, or a constant of several rows, since a quantized Gemm
 * takes a bias only. onnxruntime's optimisations make such a Gemm of a MatMul and the Add of a residual behind it. The
 * MatMul keeps the node's name.
 */
export function splitGemms(graph: Graph): void {
  let changed = false;
  for (const node of graph.allNodes()) {
    const [, , term] = node.input;
    if (node.opType !== "Gemm" || !isStandard(node) || !term || isBias(graph, term)) continue;
    if (floatAttributeOf(node, "alpha", 1) !== 1 || floatAttributeOf(node, "beta", 1) !== 1) continue;
    const { name } = node;
    const product = gemmToMatMul(graph, node);
    if (!product) continue;
    if (name) product.name = name;
    // What the Gemm said of its inputs would be lost with it.
    graph.setRank(product.input[0]!, 2);
    changed = true;
  }
  if (changed) graph.commit();
}

function isBias(graph: Graph, term: string): boolean {
  const stored = graph.initializer(term);
  return stored !== undefined && (stored.dims.length < 2 || stored.dims[0] === 1n);
}

import { gemmToMatMul } from "../../graph/gemm-to-matmul.js";
import { type Graph, intAttributeOf } from "../../graph/graph.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { expectedBytes, shapeOf } from "../../onnx/tensor-proto.js";
import { resolveLayout } from "../../quantize/blockwise-layout.js";
import { anchorOf } from "../anchors.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { NodeTreatment } from "../options.js";
import { nameOf } from "../select-nodes.js";
import type { BlockSettings } from "./block-options.js";
import type { BlockedWeights } from "./blocked-weights.js";
import { headOf } from "./head-of.js";
import { isProduct } from "./is-product.js";

/** Smaller ones gain less than the operator costs. */
const SMALLEST_BYTES = 1024;

/**
 * Rewrites the matrix products of a graph whose weight is constant, MatMul and Gemm, so that they read it in blocks: as
 * MatMulNBits, or as MatMul behind a DequantizeLinear, which onnxruntime makes a MatMulNBits of.
 *
 * @returns what was done with every MatMul and Gemm, and why
 */
export function quantizeProducts(
  graph: Graph,
  settings: BlockSettings,
  weights: BlockedWeights,
  spared: SparedReason,
): NodeTreatment[] {
  const products = graph.allNodes().filter(isProduct);
  const head = headOf(graph);
  const bitsOf = (node: NodeProto) =>
    (node === head ? Math.max(settings.bits, settings.headBits) : settings.bits) as 4 | 8;
  const reasons = new Map(
    products.map((node) => [node, spared(node) ?? whyFloat(graph, node, settings, bitsOf(node))]),
  );
  const float = (node: NodeProto) => reasons.get(node) !== undefined || !reasons.has(node);
  for (const node of products) {
    const elsewhere = graph.consumers(node.input[1]!).find((use) => use.index !== 1 || float(use.node));
    if (reasons.get(node) === undefined && elsewhere)
      reasons.set(
        node,
        `its weight is also read in float, by ${nameOf(elsewhere.node)}, and would be stored twice`,
      );
  }
  return products.map((node) => {
    const { opType } = node;
    const reason = reasons.get(node);
    const name = nameOf(node);
    if (reason !== undefined) return { name, opType, treatment: "float", reason };
    const bits = bitsOf(node);
    rewrite(graph, settings, weights, node, bits);
    const { blockSize } = settings;
    const how = `weight in blocks of ${blockSize}, ${settings.format === "matmulnbits" ? "multiplied as such by MatMulNBits" : "behind a DequantizeLinear"}`;
    return { name, opType, treatment: bits === 4 ? "weights int4" : "weights int8", reason: how };
  });
}

/** Why a product cannot read its weight in blocks, or gains nothing from it. */
function whyFloat(
  graph: Graph,
  node: NodeProto,
  { blockSize, format }: BlockSettings,
  bits: 4 | 8,
): string | undefined {
  const anchor = anchorOf(graph, node);
  if (typeof anchor === "string") return anchor;
  if (anchor.weight === undefined) return "multiplies two activations";
  if (!graph.isInternal(anchor.weight)) return "its weight is also read outside of this graph";
  if (intAttributeOf(node, "transA", 0) !== 0) return "it transposes its input";
  const tensor = graph.initializer(anchor.weight)!;
  const shape = shapeOf(tensor);
  if (shape.length !== 2) return `its weight has ${shape.length} dimensions, not 2`;
  const before = expectedBytes(tensor)!;
  if (before < SMALLEST_BYTES) return `its weight has only ${before} bytes`;
  const [rows, cols] = intAttributeOf(node, "transB", 0) ? shape.toReversed() : shape;
  const { packed, scales } = resolveLayout({ rows: rows!, cols: cols!, bits, blockSize });
  if (packed + 4 * scales > before / 2)
    return `its ${rows} rows fill too little of a block of ${blockSize} to become much smaller`;
  if (format === "dequantize" && bits === 8) return "it is the last layer, for which 4 bits are few";
  return undefined;
}

function rewrite(
  graph: Graph,
  settings: BlockSettings,
  weights: BlockedWeights,
  node: NodeProto,
  bits: 4 | 8,
): void {
  const matMul = node.opType === "Gemm" ? gemmToMatMul(graph, node)! : node;
  const [x, weight] = matMul.input as [string, string];
  const [K, N] = shapeOf(graph.initializer(weight)!) as [number, number];
  const [output] = matMul.output as [string];
  const name = matMul.name || output;
  const { blockSize, accuracyLevel } = settings;
  if (settings.format === "dequantize") {
    graph.setInput({ node: matMul, index: 1 }, dequantized(graph, settings, weights, weight));
    return;
  }
  const { packed, scales, zeroPoints } = weights.forProduct(weight, bits);
  graph.removeNode(matMul);
  graph.addNode("MatMulNBits", [x, packed, scales, ...(zeroPoints ? [zeroPoints] : [])], [output], {
    name: graph.freeName(`${name}_Q${bits}`),
    domain: "com.microsoft",
    attributes: {
      K,
      N,
      bits,
      block_size: blockSize,
      ...(accuracyLevel > 0 && { accuracy_level: accuracyLevel }),
    },
  });
}

/** The output of a DequantizeLinear over the weight, made once. */
function dequantized(
  graph: Graph,
  { blockSize }: BlockSettings,
  weights: BlockedWeights,
  weight: string,
): string {
  const { packed, scales, zeroPoints } = weights.forDequantize(weight);
  const [existing] = graph.consumers(packed);
  if (existing) return existing.node.output[0]!;
  const output = graph.freeName(`${weight}_DequantizeLinear_Output`);
  graph.addNode("DequantizeLinear", [packed, scales, ...(zeroPoints ? [zeroPoints] : [])], [output], {
    name: graph.freeName(`${weight}_DequantizeLinear`),
    attributes: { axis: 0, block_size: blockSize },
  });
  return output;
}

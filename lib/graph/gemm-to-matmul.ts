import { deferTranspose } from "../onnx/deferred.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import { type Graph, intAttributeOf } from "./graph.js";
import { transpose } from "./transpose.js";

/**
 * Rewrites y = A x B + C as MatMul and Add, since only MatMul has a dynamically quantized form. B must be an
 * initializer; it is transposed here where the Gemm transposes it. A Gemm with transA, alpha or beta is left alone.
 *
 * @returns the MatMul, or undefined when the node was left alone
 */
export function gemmToMatMul(graph: Graph, node: NodeProto): NodeProto | undefined {
  const [a, b, c] = node.input;
  const stored = graph.initializer(b!);
  if (!stored || intAttributeOf(node, "transA", 0) !== 0) return undefined;
  let weight = b!;
  if (intAttributeOf(node, "transB", 0) !== 0) {
    const [rows, columns] = shapeOf(stored) as [number, number];
    weight = graph.freeName(`${b}_transposed`);
    graph.addInitializer(
      deferTranspose(weight, stored, (out) => transpose(graph.model.tensor(stored).data, out, rows, columns)),
    );
  }
  const output = node.output[0]!;
  const product = c ? graph.freeName(`${output}_MatMul`) : output;
  const name = node.name || output;
  graph.removeNode(node);
  const matMul = graph.addNode("MatMul", [a!, weight], [product], { name: graph.freeName(`${name}_MatMul`) });
  if (c) graph.addNode("Add", [product, c], [output], { name: graph.freeName(`${name}_Add`) });
  return matMul;
}

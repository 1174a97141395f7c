import type { Graph } from "../../graph/graph.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isProduct } from "./is-product.js";

/**
 * The product that makes the first output of a graph, directly or through nodes with no second computed input: the last layer
 * of a classifier or language model. Its rounding errors go straight to the result, with no layer after them to average
 * them out. Undefined where sums of several layers are the output, as in models that give hidden states.
 */
export function headOf(graph: Graph): NodeProto | undefined {
  const [output] = graph.outputs;
  let node = output === undefined ? undefined : graph.producer(output);
  const seen = new Set<NodeProto>();
  while (node && !isProduct(node) && !seen.has(node)) {
    seen.add(node);
    const computed: NodeProto[] = [...new Set(node.input)].flatMap((input) => graph.producer(input) ?? []);
    node = computed.length === 1 ? computed[0] : undefined;
  }
  return node && isProduct(node) ? node : undefined;
}

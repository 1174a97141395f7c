import type { Graph } from "../graph/graph.js";
import { minMax } from "../minmax/min-max.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { Scratch } from "../scratch.js";
import { halfTensor } from "./float16/half-tensor.js";
import { storedWeights } from "./stored-weights.js";

/** Weights whose largest is within these bounds keep 60 dB and more in float16. */
const LARGEST = 65504;
const SMALLEST = 2 ** -10;

/**
 * Stores the weights of nodes that 8 bits would harm in float16, with a Cast behind that onnxruntime folds into a float
 * weight when it loads the model.
 */
export function storeHalves(graph: Graph, nodes: ReadonlySet<NodeProto>): void {
  const scratch = new Scratch();
  const others = (node: NodeProto) => (nodes.has(node) ? undefined : "not to be stored");
  for (const { node, index, weight } of storedWeights(graph, others)) {
    const stored = graph.initializer(weight)!;
    const { min, max } = minMax(graph.model.tensor(stored).data as Float32Array);
    const largest = Math.max(max, -min);
    if (!(largest >= SMALLEST && largest <= LARGEST)) continue;
    const half = graph.freeName(`${weight}_half`);
    const float = graph.freeName(`${weight}_Cast_Output`);
    graph.addInitializer(halfTensor(graph.model, stored, half, scratch, () => undefined));
    graph.addNode("Cast", [half], [float], { attributes: { to: DataType.FLOAT } });
    graph.setInput({ node, index }, float);
  }
}

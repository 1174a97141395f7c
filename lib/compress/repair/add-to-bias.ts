import type { Graph, Use } from "../../graph/graph.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import { elementCount } from "../../tensor.js";
import type { ActivationPlan } from "../activation-plan.js";
import type { Anchor } from "../anchors.js";

/**
 * Whether a layer has a bias that can be changed, or can be given one: a MatMul only by the Add of a constant behind it,
 * unless that is quantized like an activation.
 */
export function canAddToBias(graph: Graph, { constants }: ActivationPlan, anchor: Anchor): boolean {
  if (anchor.node.opType !== "MatMul") return true;
  const use = addBehind(graph, anchor);
  return use !== undefined && !constants.includes(use.node.input[use.index]!);
}

/** Where the bias of a layer is read, or would be; undefined for a MatMul without one. */
export function biasUse(graph: Graph, anchor: Anchor): Use | undefined {
  return anchor.node.opType === "MatMul" ? addBehind(graph, anchor) : { node: anchor.node, index: 2 };
}

/**
 * Adds one value per output channel to what a layer makes: to its bias, to that of the Add behind a MatMul, or as a new
 * bias. Only where `canAddToBias`.
 */
export function addToBias(graph: Graph, anchor: Anchor, values: Float32Array): Anchor {
  const { node } = anchor;
  if (node.opType === "MatMul") {
    const use = addBehind(graph, anchor)!;
    graph.setInput(use, storeSum(graph, use.node.input[use.index]!, values));
    return anchor;
  }
  const bias =
    anchor.bias === undefined
      ? storeNew(graph, `${node.output[0]}_bias`, [values.length], values)
      : storeSum(graph, anchor.bias, values);
  graph.addInput(node, 2, bias);
  return { ...anchor, bias };
}

/** The constant that is added to each row a MatMul makes, where nothing else reads these. */
function addBehind(graph: Graph, { node, weight }: Anchor): Use | undefined {
  const output = node.output[0]!;
  const [use, ...others] = graph.consumers(output);
  if (!use || others.length > 0 || use.node.opType !== "Add" || !graph.isInternal(output)) return undefined;
  const index = 1 - use.index;
  const stored = graph.initializer(use.node.input[index]!);
  const outputs = Number(graph.initializer(weight!)!.dims.at(-1));
  if (!stored || elementCount(shapeOf(stored)) !== outputs || Number(stored.dims.at(-1)) !== outputs)
    return undefined;
  return { node: use.node, index };
}

/** Other nodes may read the bias too, so that the sum gets a name of its own. */
function storeSum(graph: Graph, bias: string, values: Float32Array): string {
  const { data, shape } = graph.model.tensor(graph.initializer(bias)!);
  const before = data as Float32Array;
  const sum = values.map((value, i) => value + before[before.length === 1 ? 0 : i]!);
  return storeNew(graph, `${bias}_corrected`, before.length === sum.length ? shape : [sum.length], sum);
}

function storeNew(graph: Graph, base: string, shape: readonly number[], values: Float32Array): string {
  const name = graph.freeName(base);
  graph.addInitializer(encodeTensor(name, "float32", shape, values));
  return name;
}

import { isStandard } from "../onnx/standard-set.js";
import { affineOf } from "./affine.js";
import { floatAttributeOf, type Graph, type Use } from "./graph.js";

/** Constants of any shape that hold a single value. */
const ANY_RANK = Number.POSITIVE_INFINITY;

/**
 * The value below which a tensor may lie wherever it likes, since what reads it makes zero of it: it is multiplied by a
 * gate of its own that is shut there, as in hard swish, x clip(x + 3, 0, 6) / 6. Undefined where anything else reads it.
 */
export function gateFloor(graph: Graph, tensor: string): number | undefined {
  const uses = graph.consumers(tensor);
  if (uses.length === 0 || !graph.isInternal(tensor)) return undefined;
  const floors = uses.map((use) => floorOfUse(graph, tensor, use));
  return floors.every((floor) => floor !== undefined) ? Math.min(...floors) : undefined;
}

function floorOfUse(graph: Graph, tensor: string, { node, index }: Use): number | undefined {
  if (!isStandard(node)) return undefined;
  if (node.opType === "HardSwish") return -3;
  if (node.opType === "Mul") return shutBelow(graph, node.input[1 - index]!, tensor);
  // The beginning of a gate: what it makes may only go on into the gate.
  const made = node.output[0]!;
  if (node.opType === "HardSigmoid") return shutBelow(graph, made, tensor);
  const gates = graph.consumers(made).map((use) => shutBelow(graph, use.node.output[0]!, tensor));
  if (node.opType !== "Add" || gates.length === 0 || !graph.isInternal(made)) return undefined;
  return gates.every((floor) => floor !== undefined) ? Math.min(...gates) : undefined;
}

/** Where `gate` is made of nothing but `tensor`, and is zero up to some value of it: that value. */
function shutBelow(graph: Graph, gate: string, tensor: string): number | undefined {
  const node = graph.producer(gate);
  if (!node || !isStandard(node)) return undefined;
  const [input = ""] = node.input;
  if (node.opType === "HardSigmoid" && input === tensor) {
    const alpha = floatAttributeOf(node, "alpha", 0.2);
    return alpha > 0 ? -floatAttributeOf(node, "beta", 0.5) / alpha : undefined;
  }
  if (node.opType === "Relu" || (node.opType === "Clip" && cutsAtZero(graph, node.input[1], node)))
    return input === tensor ? 0 : shiftOf(graph, input, tensor);
  const scaled = affineOf(graph, node, ANY_RANK, 1);
  return scaled && scaled.term[0] === 0 ? shutBelow(graph, scaled.input, tensor) : undefined;
}

/** Where `sum` is tensor + c: -c. */
function shiftOf(graph: Graph, sum: string, tensor: string): number | undefined {
  const node = graph.producer(sum);
  const shift = node && affineOf(graph, node, ANY_RANK, 1);
  return shift?.input === tensor && shift.factor[0] === 1 ? -shift.term[0]! : undefined;
}

function cutsAtZero(graph: Graph, min: string | undefined, clip: Use["node"]): boolean {
  if (!min) return floatAttributeOf(clip, "min", Number.NEGATIVE_INFINITY) === 0;
  const stored = graph.initializer(min);
  return stored !== undefined && Number(graph.model.tensor(stored).data[0]) === 0;
}

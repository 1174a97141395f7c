import { intAttributeOf } from "../../graph.js";
import type { Axes } from "../axes.js";
import { broadcastShape, joinBroadcast } from "./elementwise.js";
import { inputOf, type Rule } from "./rule.js";

const COMPUTED = "both sides of a product are computed, and it sums up along it";

/** MatMul: the last axis of the left side and the last but one of the right side are summed up. */
export const matMul: Rule = {
  relate(node, axes) {
    const [a, b] = node.input as [string, string];
    const [left, right] = [axes.shape(a), axes.shape(b)];
    if (!left || !right) return "the shape of its input is not known";
    if (left.length < 2 || right.length < 2) return "a product with a vector";
    const y = node.output[0]!;
    const batch = batchShape(axes, a, b);
    const [m, n] = [left.length - 2, right.length - 1];
    axes.setShape(y, [...batch, left[m]!, right[n]!]);
    const rank = batch.length + 2;
    const reason = "MatMul pairs it with another size";
    for (const side of [a, b]) joinBatch(axes, side, y, reason);
    axes.join(a, m, y, rank - 2, reason);
    axes.join(b, n, y, rank - 1, reason);
    const constant = axes.graph.initializer(a) !== undefined || axes.graph.initializer(b) !== undefined;
    axes.join(a, m + 1, b, n - 1, reason);
    if (!constant) axes.lock(a, m + 1, COMPUTED);
    if (axes.graph.initializer(b)) addWeight(axes, { node, weight: b }, n, n - 1);
    else if (axes.graph.initializer(a)) addWeight(axes, { node, weight: a }, m, m + 1);
    return undefined;
  },
};

/** Gemm, either side transposed or not. */
export const gemm: Rule = {
  relate(node, axes) {
    const [a, b] = node.input as [string, string];
    const [left, right] = [axes.shape(a), axes.shape(b)];
    if (left?.length !== 2 || right?.length !== 2) return "the shape of its input is not known";
    const m = intAttributeOf(node, "transA", 0) ? 1 : 0;
    const n = intAttributeOf(node, "transB", 0) ? 0 : 1;
    const y = node.output[0]!;
    const reason = "Gemm pairs it with another size";
    axes.setShape(y, [left[m]!, right[n]!]);
    axes.join(a, m, y, 0, reason);
    axes.join(b, n, y, 1, reason);
    axes.join(a, 1 - m, b, 1 - n, reason);
    const bias = inputOf(node, 2);
    if (bias && !axes.shape(bias)) return "the shape of its bias is not known";
    if (bias) joinBroadcast(bias, y, axes, reason);
    if (axes.graph.initializer(b)) addWeight(axes, { node, weight: b }, n, 1 - n);
    else if (axes.graph.initializer(a)) addWeight(axes, { node, weight: a }, m, 1 - m);
    else axes.lock(a, 1 - m, COMPUTED);
    return undefined;
  },
};

function addWeight(
  axes: Axes,
  where: { node: Parameters<Rule["relate"]>[0]; weight: string },
  made: number,
  read: number,
): void {
  axes.makers.push({ ...where, axis: made });
  axes.readers.push({ ...where, axis: read });
}

function batchShape(axes: Axes, a: string, b: string) {
  const sides = [a, b].map((tensor) => {
    const name = `${tensor}\0batch`;
    axes.setShape(name, axes.shape(tensor)!.slice(0, -2));
    return name;
  });
  return broadcastShape(sides, axes)!;
}

function joinBatch(axes: Axes, side: string, y: string, reason: string): void {
  joinBroadcast(side, y, axes, reason, axes.shape(y)!.length - 2);
}

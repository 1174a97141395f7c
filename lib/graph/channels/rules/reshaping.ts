import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { intAttributeOf } from "../../graph.js";
import type { Axes, Size } from "../axes.js";
import { regroup } from "./regroup.js";
import { fromFront, type Rule } from "./rule.js";

/** Reshape: the same values in the same order. Its target is written anew where channels went. */
export const reshaping: Rule = {
  sizeInputs: [1],
  relate(node, axes) {
    const [x, target] = node.input as [string, string];
    const [shape, elements] = [axes.shape(x), axes.sizes(target)?.elements];
    if (!shape || !elements) return "the shape of its input, or its target, is not known";
    const y = node.output[0]!;
    const sizes = targetSizes(node, axes);
    axes.setShape(y, sizes);
    regroup(x, y, axes, "Reshape takes it apart");
    if (targetWithout(shape, sizes, sizes) !== undefined) return undefined;
    const reason = "the target of a Reshape is computed in a way that cannot be written anew";
    for (const tensor of [x, y]) axes.lockAll(tensor, reason);
    for (const { sources } of elements)
      for (const { tensor, axis } of sources) axes.lock(tensor, axis, reason);
    return undefined;
  },
  cut(node, cut) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const target = targetWithout(cut.before(x)!, cut.before(y)!, cut.after(y));
    if (target === undefined) return;
    cut.dropAttribute(node, "allowzero");
    cut.setVector(node, 1, target);
  },
};

/** Flatten: the axes before one, and those from it on, as one each. */
export const flattening: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const at = fromFront(intAttributeOf(node, "axis", 1), shape.length);
    axes.setShape(
      y,
      [shape.slice(0, at), shape.slice(at)].map((sizes) => product(sizes) ?? axes.unknown()),
    );
    regroup(x, y, axes, "Flatten takes it apart");
    return undefined;
  },
};

/** What a Reshape makes of its input's sizes. */
function targetSizes(node: NodeProto, axes: Axes): Size[] {
  const shape = axes.shape(node.input[0]!)!;
  const copies = intAttributeOf(node, "allowzero", 0) === 0;
  const sizes = axes
    .sizes(node.input[1]!)!
    .elements.map(({ size }, axis) => (size === 0 && copies ? shape[axis]! : (size ?? axes.unknown())));
  const open = sizes.indexOf(-1);
  if (open < 0) return sizes;
  const others = sizes.filter((_, axis) => axis !== open);
  sizes[open] = quotient(shape, others) ?? axes.unknown();
  return sizes;
}

/** The size that is left of a product when others are divided out of it. */
function quotient(shape: readonly Size[], others: readonly Size[]): Size | undefined {
  const names = shape.filter((size) => typeof size === "string");
  for (const name of others) {
    if (typeof name !== "string") continue;
    const found = names.indexOf(name);
    if (found < 0) return undefined;
    names.splice(found, 1);
  }
  const numbers = (sizes: readonly Size[]) =>
    sizes.reduce<number>((all, size) => (typeof size === "number" ? all * size : all), 1);
  const rest = numbers(shape) / numbers(others);
  return product(rest === 1 ? names : [...names, rest]);
}

/** undefined where a size that is not known is multiplied. */
function product(sizes: readonly Size[]): Size | undefined {
  const real = sizes.filter((size) => size !== 1);
  if (real.length === 1) return real[0];
  return real.every((size) => typeof size === "number") ? real.reduce((a, b) => a * b, 1) : undefined;
}

/** A constant target that gives `after`, whatever the sizes are that only a run knows; undefined where there is none. */
function targetWithout(
  shape: readonly Size[],
  before: readonly Size[],
  after: readonly Size[],
): number[] | undefined {
  let open = 0;
  const target = after.map((size, axis) => {
    if (typeof size === "number") return size;
    if (before[axis] === shape[axis]) return 0;
    open++;
    return -1;
  });
  return open > 1 ? undefined : target;
}

import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import type { Axes, Size } from "../axes.js";
import type { Rule } from "./rule.js";

/** Every element by itself, inputs of size 1 repeated as numpy does. */
export const elementwise: Rule = {
  relate(node, axes) {
    const inputs = node.input.filter((name) => name !== "");
    const output = node.output[0]!;
    const shape = broadcastShape(inputs, axes);
    if (!shape) return "the shape of its input is not known";
    for (const name of node.output) if (name !== "") axes.setShape(name, shape);
    for (const input of inputs)
      joinBroadcast(input, output, axes, `${node.opType} pairs it with another size`);
    return undefined;
  },
};

/** The shape that all inputs together have; undefined where one has none. */
export function broadcastShape(inputs: readonly string[], axes: Axes): Size[] | undefined {
  const shapes = inputs.map((name) => axes.shape(name));
  if (!shapes.every((shape) => shape !== undefined)) return undefined;
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = new Set(shapes.map((shape) => shape[axis - rank + shape.length] ?? 1));
    sizes.delete(1);
    const [size = 1, ...others] = [...sizes].sort((a, b) => rankOf(a) - rankOf(b));
    return others.length > 0 && typeof size === "string" ? axes.unknown() : size;
  });
}

function rankOf(size: Size): number {
  return typeof size === "number" ? 0 : 1;
}

/** The axes of an input, counted from the last, hold the channels of those of the output, but where it has one value for all. */
export function joinBroadcast(
  input: string,
  output: string,
  axes: Axes,
  reason: string,
  until = Number.POSITIVE_INFINITY,
): void {
  const [from, to] = [axes.shape(input)!, axes.shape(output)!];
  for (const [axis, size] of from.entries()) {
    const target = axis + to.length - from.length;
    if (size !== 1 && target < until) axes.join(input, axis, output, target, reason);
  }
}

/** Some axes are mixed, every other one stays what it is; the shape stays too. */
export function across(mixed: (node: NodeProto, rank: number, axes: Axes) => readonly number[]): Rule {
  return {
    relate(node, axes) {
      const [input, output] = [node.input[0]!, node.output[0]!];
      const shape = axes.shape(input);
      if (!shape) return "the shape of its input is not known";
      axes.setShape(output, shape);
      passExcept(
        input,
        output,
        axes,
        new Set(mixed(node, shape.length, axes)),
        `${node.opType} works across it`,
      );
      return undefined;
    },
  };
}

/** The axes of the input are those of the output, but some that have to stay whole. */
export function passExcept(
  input: string,
  output: string,
  axes: Axes,
  whole: ReadonlySet<number>,
  reason: string,
): void {
  for (const axis of axes.shape(input)!.keys()) {
    if (!whole.has(axis)) axes.join(input, axis, output, axis, reason);
    else {
      axes.lock(input, axis, reason);
      axes.lock(output, axis, reason);
    }
  }
}

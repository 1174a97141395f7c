import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { intAttributeOf, intsAttributeOf } from "../../graph.js";
import type { Axes } from "../axes.js";
import { fromFront, inputOf, type Rule } from "./rule.js";

/** Concat: the channels of its inputs, one after the other. */
export const concatenation: Rule = {
  relate(node, axes) {
    const shapes = node.input.map((name) => axes.shape(name));
    if (shapes.length === 0 || !shapes.every((shape) => shape !== undefined))
      return "the shape of its input is not known";
    const [first, y] = [shapes[0]!, node.output[0]!];
    const along = fromFront(intAttributeOf(node, "axis", 0), first.length);
    const sizes = shapes.map((shape) => shape[along]!);
    const known = sizes.every((size) => typeof size === "number");
    const total = known ? (sizes as number[]).reduce((a, b) => a + b, 0) : axes.unknown();
    axes.setShape(
      y,
      first.map((size, axis) => (axis === along ? total : size)),
    );
    let start = 0;
    for (const [i, input] of node.input.entries()) {
      const from = start;
      if (known) {
        axes.joinAt(
          input,
          along,
          y,
          along,
          sizes[i] as number,
          (k) => k,
          (k) => from + k,
        );
        start += sizes[i] as number;
      } else axes.lock(input, along, "Concat puts it beside a size that is not known");
      for (const axis of first.keys()) if (axis !== along) axes.join(input, axis, y, axis, "Concat");
    }
    return undefined;
  },
};

/** Split: the channels of its outputs, one after the other. */
export const splitting: Rule = {
  relate(node, axes) {
    const x = node.input[0]!;
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const along = fromFront(intAttributeOf(node, "axis", 0), shape.length);
    const sizes = splitSizes(node, axes, shape[along]!);
    if (!sizes) return "the sizes of its parts are not known";
    let start = 0;
    for (const [i, output] of node.output.entries()) {
      const [from, size] = [start, sizes[i]!];
      start += size;
      if (output === "") continue;
      axes.setShape(
        output,
        shape.map((each, axis) => (axis === along ? size : each)),
      );
      axes.joinAt(
        x,
        along,
        output,
        along,
        size,
        (k) => from + k,
        (k) => k,
      );
      for (const axis of shape.keys()) if (axis !== along) axes.join(x, axis, output, axis, "Split");
    }
    return undefined;
  },
  cut(node, cut) {
    const shape = cut.before(node.input[0]!)!;
    const along = fromFront(intAttributeOf(node, "axis", 0), shape.length);
    const sizes = node.output.map((output) => cut.size(output, along));
    cut.dropAttribute(node, "num_outputs");
    if (cut.opset >= 13) cut.setVector(node, 1, sizes);
    else cut.setInts(node, "split", sizes);
  },
};

function splitSizes(node: NodeProto, axes: Axes, whole: number | string): number[] | undefined {
  const given = inputOf(node, 1);
  const listed = given ? axes.constants(given) : intsAttributeOf(node, "split");
  if (!listed) return undefined;
  if (node.output.includes("")) return undefined;
  if (listed.length > 0) return listed.length === node.output.length ? listed : undefined;
  if (typeof whole !== "number") return undefined;
  const part = Math.ceil(whole / node.output.length);
  return node.output.map((_, i) => Math.min(part, whole - i * part));
}

/** Pad: what it does not pad holds what it held. */
export const padding: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const pads = node.input.length > 1 ? axes.constants(inputOf(node, 1)) : intsAttributeOf(node, "pads");
    const listed = inputOf(node, 3) ? axes.constants(inputOf(node, 3)) : [...shape.keys()];
    if (!pads || !listed) return "what it pads is computed";
    const padded = new Map(
      listed.map((axis, i) => [fromFront(axis, shape.length), pads[i]! + pads[i + listed.length]!]),
    );
    axes.setShape(
      y,
      shape.map((size, axis) => {
        const added = padded.get(axis) ?? 0;
        return added === 0 ? size : typeof size === "number" ? size + added : axes.unknown();
      }),
    );
    const untouched = (axis: number) => {
      const i = listed.findIndex((each) => fromFront(each, shape.length) === axis);
      return i < 0 || (pads[i] === 0 && pads[i + listed.length] === 0);
    };
    for (const axis of shape.keys()) {
      if (untouched(axis)) axes.join(x, axis, y, axis, "Pad");
      else for (const tensor of [x, y]) axes.lock(tensor, axis, "Pad adds to it");
    }
    return undefined;
  },
};

import { intAttributeOf, intsAttributeOf } from "../../graph.js";
import type { Axes } from "../axes.js";
import { inputOf, type Rule } from "./rule.js";
import { slidSizes } from "./windows.js";

const SPATIAL = "a convolution slides along it";

/** Conv: channels of the input are summed up along axis 1 of the weight, those of the output are made along axis 0. */
export const convolution: Rule = {
  relate(node, axes) {
    const [x, w] = node.input as [string, string];
    const [shape, weight] = [axes.shape(x), numbersOf(axes, w)];
    if (!shape || !weight) return "the shape of its input or weight is not known";
    const [y, group] = [node.output[0]!, intAttributeOf(node, "group", 1)];
    axes.setShape(y, [shape[0]!, weight[0]!, ...slidSizes(node, shape.slice(2), weight.slice(2), axes)]);
    axes.join(x, 0, y, 0, SPATIAL);
    lockSpace(axes, x);
    lockSpace(axes, y);
    joinBias(axes, inputOf(node, 2), y);
    axes.join(w, 0, y, 1, "its weight has another size");
    if (shape[1] !== weight[1]! * group) return "the size of its input does not fit its weight";
    if (axes.graph.initializer(w)) axes.makers.push({ node, weight: w, axis: 0 });
    if (weight[1] === 1 && group > 1) joinDepthwise(axes, x, w, weight[0]! / group);
    else {
      joinGroups(axes, x, w, { group, inGroup: weight[1]!, made: weight[0]! });
      if (axes.graph.initializer(w)) axes.readers.push({ node, weight: w, axis: 1 });
    }
    return undefined;
  },
  cut(node, cut) {
    const [x, w] = node.input as [string, string];
    // A depthwise convolution has a group per channel.
    if (intAttributeOf(node, "group", 1) > 1 && cut.before(w)?.[1] === 1)
      cut.setInt(node, "group", cut.size(x, 1));
  },
};

/** ConvTranspose: the weight has the channels of the input first. */
export const transposedConvolution: Rule = {
  relate(node, axes) {
    const [x, w] = node.input as [string, string];
    const [shape, weight] = [axes.shape(x), numbersOf(axes, w)];
    if (!shape || !weight) return "the shape of its input or weight is not known";
    const [y, group] = [node.output[0]!, intAttributeOf(node, "group", 1)];
    if (group > 1) return "a transposed convolution in groups";
    const space = intsAttributeOf(node, "output_shape");
    const sizes = shape.slice(2).map((_, d) => space[d] ?? axes.unknown());
    axes.setShape(y, [shape[0]!, weight[1]!, ...sizes]);
    axes.join(x, 0, y, 0, SPATIAL);
    lockSpace(axes, x);
    lockSpace(axes, y);
    joinBias(axes, inputOf(node, 2), y);
    axes.join(x, 1, w, 0, "its weight has another size");
    axes.join(w, 1, y, 1, "its weight has another size");
    if (axes.graph.initializer(w)) {
      axes.makers.push({ node, weight: w, axis: 1 });
      axes.readers.push({ node, weight: w, axis: 0 });
    }
    return undefined;
  },
};

function joinDepthwise(axes: Axes, x: string, w: string, multiplier: number): void {
  const channels = axes.shape(x)![1] as number;
  axes.joinAt(
    x,
    1,
    w,
    0,
    channels * multiplier,
    (k) => Math.floor(k / multiplier),
    (k) => k,
  );
}

/** All groups keep one size, so that they lose the channels at the same places. */
function joinGroups(
  axes: Axes,
  x: string,
  w: string,
  { group, inGroup, made }: { group: number; inGroup: number; made: number },
): void {
  axes.joinAt(
    x,
    1,
    w,
    1,
    inGroup * group,
    (k) => k,
    (k) => k % inGroup,
  );
  if (group === 1) return;
  axes.joinAt(
    w,
    0,
    w,
    0,
    made,
    (k) => k,
    (k) => k % (made / group),
  );
}

function joinBias(axes: Axes, bias: string | undefined, y: string): void {
  if (bias) axes.join(bias, 0, y, 1, "its bias has another size");
}

export function lockSpace(axes: Axes, tensor: string): void {
  for (const axis of axes.shape(tensor)!.keys()) if (axis > 1) axes.lock(tensor, axis, SPATIAL);
}

function numbersOf(axes: Axes, tensor: string): number[] | undefined {
  const shape = axes.shape(tensor);
  return shape?.every((size) => typeof size === "number" && size > 0) ? (shape as number[]) : undefined;
}

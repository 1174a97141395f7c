import { intsAttributeOf } from "../../graph.js";
import { lockSpace } from "./convolution.js";
import type { Rule } from "./rule.js";
import { slidSizes } from "./windows.js";

/** Pools of windows: each channel by itself. */
export const pooling: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    if (node.output.length > 1) return "it gives positions too, which count channels";
    const kernel = intsAttributeOf(node, "kernel_shape");
    axes.setShape(y, [...shape.slice(0, 2), ...slidSizes(node, shape.slice(2), kernel, axes)]);
    joinChannels(x, y, axes);
    return undefined;
  },
};

/** Pools of whole channels. */
export const globalPooling: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    axes.setShape(
      y,
      shape.map((size, axis) => (axis > 1 ? 1 : size)),
    );
    joinChannels(x, y, axes);
    return undefined;
  },
};

function joinChannels(x: string, y: string, axes: Parameters<Rule["relate"]>[1]): void {
  axes.join(x, 0, y, 0, "a pool");
  axes.join(x, 1, y, 1, "a pool");
  lockSpace(axes, x);
  lockSpace(axes, y);
}

import { intAttributeOf } from "../../graph.js";
import { lockSpace } from "./convolution.js";
import { passExcept } from "./elementwise.js";
import { fromFront, inputOf, type Rule } from "./rule.js";

/** BatchNormalization at inference: each channel by itself, with four numbers of its own. */
export const batchNormalization: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    if (node.output.length > 1) return "it is in training mode";
    axes.setShape(y, shape);
    passExcept(x, y, axes, new Set(), "BatchNormalization");
    return joinParameters(node.input.slice(1), y, axes);
  },
};

/** InstanceNormalization: statistics of each channel by itself. */
export const instanceNormalization: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    axes.setShape(y, shape);
    axes.join(x, 0, y, 0, "InstanceNormalization");
    axes.join(x, 1, y, 1, "InstanceNormalization");
    lockSpace(axes, x);
    lockSpace(axes, y);
    return joinParameters(node.input.slice(1), y, axes);
  },
};

/** LayerNormalization: statistics over its last axes, which change when any of them goes. */
export const layerNormalization: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    axes.setShape(y, shape);
    const from = fromFront(intAttributeOf(node, "axis", -1), shape.length);
    const normalized = new Set([...shape.keys()].filter((axis) => axis >= from));
    passExcept(x, y, axes, normalized, `${node.opType} takes its statistics along it`);
    for (const index of [1, 2]) {
      const parameter = inputOf(node, index);
      if (parameter) axes.lockAll(parameter, `${node.opType} takes its statistics along it`);
    }
    return undefined;
  },
};

/** GroupNormalization: only whole groups can go without touching the statistics of the others. */
export const groupNormalization: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    const channels = shape?.[1];
    const groups = intAttributeOf(node, "num_groups", 1);
    if (!shape || typeof channels !== "number" || channels % groups !== 0)
      return "the shape of its input is not known";
    axes.setShape(y, shape);
    axes.join(x, 0, y, 0, "GroupNormalization");
    axes.join(x, 1, y, 1, "GroupNormalization");
    lockSpace(axes, x);
    lockSpace(axes, y);
    const inGroup = channels / groups;
    axes.joinAt(
      x,
      1,
      x,
      1,
      channels,
      (k) => k,
      (k) => k - (k % inGroup),
    );
    for (const parameter of node.input.slice(1)) {
      const size = axes.shape(parameter)?.[0];
      if (size === channels) axes.join(parameter, 0, x, 1, "GroupNormalization");
      else if (size === groups)
        axes.joinAt(
          parameter,
          0,
          x,
          1,
          groups,
          (k) => k,
          (k) => k * inGroup,
        );
      else return "its scale or bias has another size than its channels";
    }
    return undefined;
  },
  cut(node, cut) {
    const x = node.input[0]!;
    const before = cut.before(x)![1] as number;
    const inGroup = before / intAttributeOf(node, "num_groups", 1);
    cut.setInt(node, "num_groups", cut.size(x, 1) / inGroup);
  },
};

function joinParameters(
  parameters: readonly string[],
  y: string,
  axes: Parameters<Rule["relate"]>[1],
): string | undefined {
  for (const parameter of parameters) {
    if (axes.shape(parameter)?.length !== 1) return "the shape of its parameters is not known";
    axes.join(parameter, 0, y, 1, "its parameters have another size");
  }
  return undefined;
}

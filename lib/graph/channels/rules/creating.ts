import type { Rule } from "./rule.js";

/** Range: numbers, as many as its limit says where it counts from 0 by ones. */
export const counting: Rule = {
  relate(node, axes) {
    const [start, limit, step] = node.input.map((name) => axes.sizes(name)?.elements[0]?.size);
    const count = start === 0 && step === 1 ? limit : undefined;
    axes.setShape(node.output[0]!, [count ?? axes.unknown()]);
    return undefined;
  },
};

/** ConstantOfShape: the same value everywhere. */
export const filling: Rule = {
  relate(node, axes) {
    const elements = axes.sizes(node.input[0]!)?.elements;
    if (!elements) return "its shape is not known";
    const y = node.output[0]!;
    axes.setShape(
      y,
      elements.map(({ size }) => size ?? axes.unknown()),
    );
    axes.lockAll(y, "ConstantOfShape makes it");
    return undefined;
  },
};

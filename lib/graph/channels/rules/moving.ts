import { intAttributeOf, intsAttributeOf } from "../../graph.js";
import type { Size } from "../axes.js";
import { fromFront, inputOf, type Rule } from "./rule.js";

export const transposition: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const listed = intsAttributeOf(node, "perm");
    const order = listed.length > 0 ? listed : [...shape.keys()].reverse();
    axes.setShape(
      y,
      order.map((axis) => shape[axis]!),
    );
    for (const [to, from] of order.entries()) axes.join(x, from, y, to, "Transpose");
    return undefined;
  },
};

/** Squeeze takes axes of size 1 away. */
export const squeeze: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const given = inputOf(node, 1);
    const listed = given ? axes.constants(given) : intsAttributeOf(node, "axes");
    if (!listed) return "its axes are computed";
    if (listed.length === 0 && shape.some((size) => typeof size === "string"))
      return "it takes away whatever has size 1";
    const gone = new Set(
      listed.length > 0
        ? listed.map((axis) => fromFront(axis, shape.length))
        : [...shape.keys()].filter((axis) => shape[axis] === 1),
    );
    const left = [...shape.keys()].filter((axis) => !gone.has(axis));
    axes.setShape(
      y,
      left.map((axis) => shape[axis]!),
    );
    for (const [to, from] of left.entries()) axes.join(x, from, y, to, "Squeeze");
    return undefined;
  },
};

/** Unsqueeze puts axes of size 1 in. */
export const unsqueeze: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const given = inputOf(node, 1);
    const listed = given ? axes.constants(given) : intsAttributeOf(node, "axes");
    if (!listed) return "its axes are computed";
    const rank = shape.length + listed.length;
    const fresh = new Set(listed.map((axis) => fromFront(axis, rank)));
    const sizes: Size[] = [];
    const places: number[] = [];
    for (let axis = 0, from = 0; axis < rank; axis++) {
      if (!fresh.has(axis)) places.push(axis);
      sizes.push(fresh.has(axis) ? 1 : shape[from++]!);
    }
    axes.setShape(y, sizes);
    for (const [from, to] of places.entries()) axes.join(x, from, y, to, "Unsqueeze");
    return undefined;
  },
};

/** Expand repeats axes of size 1; what it does not repeat may lose channels as long as the target does not name their number. */
export const expansion: Rule = {
  relate(node, axes) {
    const [x, target] = node.input as [string, string];
    const [shape, elements] = [axes.shape(x), axes.sizes(target)?.elements];
    if (!shape || !elements) return "the shape of its input, or its target, is not known";
    const y = node.output[0]!;
    const rank = Math.max(shape.length, elements.length);
    const sizes = Array.from({ length: rank }, (_, axis): Size => {
      const own = shape[axis - rank + shape.length] ?? 1;
      const wanted = elements[axis - rank + elements.length];
      return own === 1 ? (wanted === undefined ? 1 : (wanted.size ?? axes.unknown())) : own;
    });
    axes.setShape(y, sizes);
    for (const [from, size] of shape.entries()) {
      const axis = from + rank - shape.length;
      if (size === 1) {
        axes.lock(y, axis, "Expand repeats it");
        continue;
      }
      axes.join(x, from, y, axis, "Expand");
      const wanted = elements[axis - rank + elements.length];
      if (wanted !== undefined && wanted.size !== 1)
        axes.lock(x, from, "the target of an Expand names its size");
    }
    for (let axis = 0; axis < rank - shape.length; axis++) axes.lock(y, axis, "Expand repeats it");
    return undefined;
  },
};

/** Gather picks along one axis, which has to stay whole; the others hold what they held. */
export const gather: Rule = {
  relate(node, axes) {
    const [data, indices] = node.input as [string, string];
    const [shape, picks] = [axes.shape(data), axes.shape(indices)];
    if (!shape || !picks) return "the shape of its input is not known";
    const y = node.output[0]!;
    const chosen = fromFront(intAttributeOf(node, "axis", 0), shape.length);
    axes.setShape(y, [...shape.slice(0, chosen), ...picks, ...shape.slice(chosen + 1)]);
    axes.lock(data, chosen, "Gather picks from it by number");
    for (const axis of shape.keys()) {
      if (axis === chosen) continue;
      axes.join(data, axis, y, axis < chosen ? axis : axis - 1 + picks.length, "Gather");
    }
    for (const axis of picks.keys()) axes.join(indices, axis, y, chosen + axis, "Gather");
    if (axes.graph.initializer(data) && shape.length === 2 && chosen === 0)
      axes.makers.push({ node, weight: data, axis: 1 });
    return undefined;
  },
};

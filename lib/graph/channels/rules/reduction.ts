import { intAttributeOf, intsAttributeOf } from "../../graph.js";
import type { Size } from "../axes.js";
import { fromFront, inputOf, type Rule } from "./rule.js";

/** ReduceMean and its like: what they reduce has to stay whole, since a mean counts and a sum adds up what is there. */
export const reduction: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const given = inputOf(node, 1);
    const listed = given ? axes.constants(given) : intsAttributeOf(node, "axes");
    if (!listed) return "its axes are computed";
    const nothing = listed.length === 0 && intAttributeOf(node, "noop_with_empty_axes", 0) === 1;
    const reduced = new Set(
      listed.length > 0 || nothing ? listed.map((axis) => fromFront(axis, shape.length)) : shape.keys(),
    );
    const keep = intAttributeOf(node, "keepdims", 1) === 1;
    const kept: Size[] = [];
    const places: [number, number][] = [];
    for (const [axis, size] of shape.entries()) {
      if (!reduced.has(axis)) places.push([axis, kept.length]);
      if (!reduced.has(axis)) kept.push(size);
      else if (keep) kept.push(1);
    }
    axes.setShape(y, kept);
    for (const [from, to] of places) axes.join(x, from, y, to, node.opType);
    for (const axis of reduced) axes.lock(x, axis, `${node.opType} reduces it`);
    return undefined;
  },
};

/** ArgMax and ArgMin: positions along one axis. */
export const argument: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const chosen = fromFront(intAttributeOf(node, "axis", 0), shape.length);
    const keep = intAttributeOf(node, "keepdims", 1) === 1;
    axes.setShape(
      y,
      shape.flatMap((size, axis) => (axis === chosen ? (keep ? [1] : []) : [size])),
    );
    for (const axis of shape.keys()) {
      if (axis === chosen) axes.lock(x, axis, `${node.opType} reduces it`);
      else axes.join(x, axis, y, !keep && axis > chosen ? axis - 1 : axis, node.opType);
    }
    return undefined;
  },
};

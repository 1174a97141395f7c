import { dtypeOf } from "../../onnx/data-type.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import { intAttributeOf, intsAttributeOf } from "../graph.js";
import type { Axes, Axis, Size } from "./axes.js";

/** One value of a vector of sizes. */
export interface SizeElement {
  /** undefined where it cannot be told. */
  readonly size: Size | undefined;
  /** The axes whose sizes it was computed from. */
  readonly sources: readonly Axis[];
}

/** An integer tensor of at most one dimension, such as the target of a Reshape. */
export interface SizeVector {
  readonly scalar: boolean;
  readonly elements: readonly SizeElement[];
}

type Operation = (node: NodeProto, inputs: readonly SizeVector[], axes: Axes) => SizeVector | undefined;

/**
 * What a node makes of sizes, where it does nothing else: exporters spell the target of a Reshape as Shape, Gather, Div,
 * Concat and the like. Sizes that are not known keep their names.
 */
export function evaluateSizes(node: NodeProto, axes: Axes): SizeVector | undefined {
  if (!isStandard(node)) return undefined;
  if (node.opType === "Shape") return shapeAsSizes(node, axes);
  const operation = Object.hasOwn(OPERATIONS, node.opType) ? OPERATIONS[node.opType] : undefined;
  if (!operation || node.input.length < (FEWEST_INPUTS[node.opType] ?? 1)) return undefined;
  const inputs = node.input.map((name) => axes.sizes(name));
  return inputs.every((input) => input !== undefined) ? operation(node, inputs, axes) : undefined;
}

function shapeAsSizes(node: NodeProto, axes: Axes): SizeVector | undefined {
  const tensor = node.input[0]!;
  const shape = axes.shape(tensor);
  if (!shape) return undefined;
  const elements = shape.map((size, axis) => ({
    size,
    sources: typeof size === "number" && size > 1 ? [{ tensor, axis }] : [],
  }));
  const start = intAttributeOf(node, "start", 0);
  return { scalar: false, elements: elements.slice(start, intAttributeOf(node, "end", elements.length)) };
}

/** Of operators that need more than one. */
const FEWEST_INPUTS: Readonly<Record<string, number>> = {
  Gather: 2,
  Reshape: 2,
  Add: 2,
  Sub: 2,
  Mul: 2,
  Div: 2,
  Mod: 2,
  Equal: 2,
  Where: 3,
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  Identity: (_, [x]) => x,
  Cast: (node, [x]) => {
    // A float may become anything; one that is known only by name is of no harm.
    const isInteger = /^u?int/.test(dtypeOf(intAttributeOf(node, "to", 0)) ?? "");
    return isInteger || x!.elements.every(({ sources }) => sources.length === 0) ? x : undefined;
  },
  Gather: (node, [data, indices]) => {
    const picked = indices!.elements.map(({ size }) => at(data!, size));
    if (intAttributeOf(node, "axis", 0) !== 0 || !picked.every((each) => each !== undefined))
      return undefined;
    return { scalar: indices!.scalar, elements: picked };
  },
  Concat: (_, inputs) => ({ scalar: false, elements: inputs.flatMap(({ elements }) => elements) }),
  Unsqueeze: (_, [x]) => (x!.scalar ? { ...x!, scalar: false } : undefined),
  Squeeze: (_, [x]) => (x!.elements.length === 1 ? { ...x!, scalar: true } : undefined),
  Reshape: (_, [x, target]) => {
    const [only, ...more] = target!.elements;
    if (more.length > 0) return undefined;
    if (only === undefined) return { ...x!, scalar: true };
    return only.size === -1 || only.size === x!.elements.length ? { ...x!, scalar: false } : undefined;
  },
  Slice: (node, [x, starts, ends, , steps]) => {
    const start = starts ? starts.elements[0]?.size : intsAttributeOf(node, "starts")[0];
    const end = ends ? ends.elements[0]?.size : intsAttributeOf(node, "ends")[0];
    if (typeof start !== "number" || typeof end !== "number") return undefined;
    if (steps && steps.elements[0]?.size !== 1) return undefined;
    return { scalar: false, elements: x!.elements.slice(start, end) };
  },
  ConstantOfShape: (node, [shape]) => {
    const count = shape!.elements.length === 0 ? 1 : shape!.elements[0]!.size;
    if (shape!.elements.length > 1 || typeof count !== "number" || count > 64) return undefined;
    const value = node.attribute.find(({ name }) => name === "value")?.t;
    const size = value?.int64Data[0] ?? firstInt64(value?.rawData);
    if (size === undefined) return undefined;
    const element = { size: Number(size), sources: [] };
    return { scalar: shape!.elements.length === 0, elements: Array.from({ length: count }, () => element) };
  },
  Add: (_, inputs) =>
    pairwise(inputs, (a, b) => (a === 0 ? b : b === 0 ? a : numbers(a, b, (x, y) => x + y))),
  Sub: (_, inputs) => pairwise(inputs, (a, b) => (b === 0 ? a : numbers(a, b, (x, y) => x - y))),
  Mul: (_, inputs) =>
    pairwise(inputs, (a, b) => (a === 1 ? b : b === 1 ? a : numbers(a, b, (x, y) => x * y))),
  Div: (_, inputs) =>
    pairwise(inputs, (a, b) =>
      b === 1 ? a : numbers(a, b, (x, y) => (y === 0 ? undefined : Math.trunc(x / y))),
    ),
  Mod: (_, inputs) => pairwise(inputs, (a, b) => numbers(a, b, (x, y) => (y === 0 ? undefined : x % y))),
  Equal: (_, inputs) => pairwise(inputs, isEqual),
  Where: (_, [condition, a, b]) => {
    const length = Math.max(...[condition!, a!, b!].map(({ elements }) => elements.length));
    const elements = Array.from({ length }, (_, i) => {
      const chosen = wrapped(condition!, i).size;
      const [yes, no] = [wrapped(a!, i), wrapped(b!, i)];
      if (typeof chosen === "number") return chosen === 0 ? no : yes;
      return { size: undefined, sources: [...yes.sources, ...no.sources, ...wrapped(condition!, i).sources] };
    });
    return { scalar: [condition!, a!, b!].every(({ scalar }) => scalar), elements };
  },
};

function firstInt64(raw: Uint8Array | undefined): bigint | undefined {
  if (raw?.byteLength !== 8) return undefined;
  return new DataView(raw.buffer, raw.byteOffset).getBigInt64(0, true);
}

function at({ elements }: SizeVector, index: Size | undefined): SizeElement | undefined {
  return typeof index === "number" ? elements.at(index) : undefined;
}

/** One value serves for all of them. */
function wrapped({ elements }: SizeVector, index: number): SizeElement {
  return elements[elements.length === 1 ? 0 : index] ?? { size: undefined, sources: [] };
}

function pairwise(
  [a, b]: readonly SizeVector[],
  compute: (x: Size, y: Size) => Size | undefined,
): SizeVector | undefined {
  const length = Math.max(a!.elements.length, b!.elements.length);
  const elements = Array.from({ length }, (_, i) => {
    const [x, y] = [wrapped(a!, i), wrapped(b!, i)];
    const known = x.size !== undefined && y.size !== undefined;
    return { size: known ? compute(x.size!, y.size!) : undefined, sources: [...x.sources, ...y.sources] };
  });
  return { scalar: a!.scalar && b!.scalar, elements };
}

function numbers(a: Size, b: Size, compute: (x: number, y: number) => Size | undefined): Size | undefined {
  return typeof a === "number" && typeof b === "number" ? compute(a, b) : undefined;
}

/** A size is never negative, whatever it is. */
function isEqual(a: Size, b: Size): Size | undefined {
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return 0;
  const number = typeof a === "number" ? a : b;
  return typeof number === "number" && number < 0 ? 0 : undefined;
}

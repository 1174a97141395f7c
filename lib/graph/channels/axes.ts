import { TensorProto_DataType as DataType, type NodeProto } from "../../onnx/proto/onnx_pb.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import type { Graph } from "../graph.js";
import { ChannelClasses } from "./channel-classes.js";
import type { SizeVector } from "./size-values.js";

/** A size of a tensor: a number, or the name of one that is known only when the model runs. Equal names are equal sizes. */
export type Size = number | string;

export interface Axis {
  readonly tensor: string;
  readonly axis: number;
}

/** An axis of a stored weight, and the node that multiplies by it. */
export interface WeightAxis {
  readonly node: NodeProto;
  readonly weight: string;
  readonly axis: number;
}

/** Elements told apart in one model: far above those of any real one. A file may say that a tensor has any size. */
const MAX_ELEMENTS = 2 ** 26;
/** Vectors of more values than a tensor can have sizes are not about sizes. */
const MAX_SIZES = 64;

/**
 * What is known of the tensors of a graph: their sizes, which elements of which axes belong together, and vectors that
 * are made of sizes. The rules of operators read and write it, node after node.
 */
export class Axes {
  readonly classes = new ChannelClasses();
  /** Axes of weights along which channels are made, and those along which they are summed up. */
  readonly makers: WeightAxis[] = [];
  readonly readers: WeightAxis[] = [];
  private readonly shapes = new Map<string, readonly Size[]>();
  private readonly firsts = new Map<string, Int32Array>();
  private readonly vectors = new Map<string, SizeVector>();
  private readonly choices: { key: string; source: Axis; chosen: number; count: number }[] = [];
  private unknowns = 0;

  /** @param carriers which of several factors carries the channels through a node, by the tensor that it makes */
  constructor(
    readonly graph: Graph,
    private readonly carriers: ReadonlyMap<string, number> = new Map(),
  ) {}

  /** One of the factors that could carry the channels of `source` into a tensor. */
  carrier<T>(tensor: string, able: readonly T[], source: Axis): T | undefined {
    const chosen = this.carriers.get(tensor) ?? 0;
    if (able.length > 1) this.choices.push({ key: tensor, source, chosen, count: able.length });
    return able[chosen] ?? able[0];
  }

  /** The next factor to try wherever one was in vain, since nothing of its axis may go; undefined when all were tried. */
  otherCarriers(): Map<string, number> | undefined {
    const next = new Map(this.carriers);
    let tries = false;
    for (const { key, source, chosen, count } of this.choices) {
      if (chosen >= count || this.lockOf(source.tensor, source.axis) === undefined) continue;
      next.set(key, chosen + 1);
      tries = true;
    }
    return tries ? next : undefined;
  }

  /** Sizes of a tensor; undefined where not even their number is known. */
  shape(tensor: string): readonly Size[] | undefined {
    const known = this.shapes.get(tensor);
    if (known) return known;
    const stored = this.graph.initializer(tensor);
    if (!stored) return undefined;
    const shape = shapeOf(stored);
    this.shapes.set(tensor, shape);
    return shape;
  }

  setShape(tensor: string, shape: readonly Size[]): void {
    this.shapes.set(tensor, shape);
  }

  /** A name for a size of which nothing is known. */
  unknown(): string {
    return `?${this.unknowns++}`;
  }

  /** The first element of an axis among the classes; undefined where its size is 1, not known or absurd: nothing of it can go. */
  first(tensor: string, axis: number): number | undefined {
    const shape = this.shape(tensor);
    const size = shape?.[axis];
    if (shape === undefined || !Number.isSafeInteger(size) || (size as number) <= 1) return undefined;
    let firsts = this.firsts.get(tensor);
    if (!firsts) {
      firsts = new Int32Array(shape.length).fill(-1);
      this.firsts.set(tensor, firsts);
    }
    if (firsts[axis] === -1) {
      if (this.classes.size + (size as number) > MAX_ELEMENTS) return undefined;
      firsts[axis] = this.classes.add(size as number);
    }
    return firsts[axis];
  }

  /** Tensors and axes whose elements are told apart. */
  *tracked(): Generator<Axis> {
    for (const [tensor, firsts] of this.firsts)
      for (const [axis, first] of firsts.entries()) if (first !== -1) yield { tensor, axis };
  }

  /** Two axes have the same channels, one for one. */
  join(a: string, i: number, b: string, j: number, reason: string): void {
    const [x, y] = [this.shape(a)?.[i], this.shape(b)?.[j]];
    if (x !== y || typeof x !== "number") {
      this.lock(a, i, reason);
      this.lock(b, j, reason);
      return;
    }
    this.joinAt(a, i, b, j, x, (k) => k);
  }

  /** Element `at(k)` of one axis goes with element `to(k)` of the other. */
  joinAt(
    a: string,
    i: number,
    b: string,
    j: number,
    count: number,
    at: (k: number) => number,
    to: (k: number) => number = at,
  ): void {
    const [x, y] = [this.first(a, i), this.first(b, j)];
    if (x === undefined && y === undefined) return;
    if (x !== undefined && y !== undefined)
      for (let k = 0; k < count; k++) this.classes.unite(x + at(k), y + to(k));
    else if (x !== undefined) this.lockPlaces({ tensor: a, axis: i }, x, this.shape(b)?.[j], count, at);
    else this.lockPlaces({ tensor: b, axis: j }, y!, this.shape(a)?.[i], count, to);
  }

  /** What a single channel goes with stays, and all that something of another size goes with. */
  private lockPlaces(
    { tensor, axis }: Axis,
    first: number,
    other: Size | undefined,
    count: number,
    at: (k: number) => number,
  ): void {
    if (other !== 1) this.lock(tensor, axis, "what it goes with is not known");
    else for (let k = 0; k < count; k++) this.classes.lock(first + at(k), "it goes with a single channel");
  }

  /** Nothing of an axis may go. */
  lock(tensor: string, axis: number, reason: string): void {
    const first = this.first(tensor, axis);
    if (first === undefined) return;
    const size = this.shape(tensor)![axis] as number;
    for (let k = 0; k < size; k++) this.classes.lock(first + k, reason);
  }

  lockAll(tensor: string, reason: string): void {
    for (const axis of this.shape(tensor)?.keys() ?? []) this.lock(tensor, axis, reason);
  }

  /** Why the whole of an axis has to stay; undefined where some of it may go. */
  lockOf(tensor: string, axis: number): string | undefined {
    const first = this.first(tensor, axis);
    if (first === undefined) return "its size is not known";
    const size = this.shape(tensor)![axis] as number;
    let reason: string | undefined;
    for (let k = 0; k < size; k++) {
      reason = this.classes.lockOf(first + k);
      if (reason === undefined) return undefined;
    }
    return reason;
  }

  /** A vector of sizes: constant, or computed from the sizes of tensors. */
  sizes(tensor: string): SizeVector | undefined {
    const known = this.vectors.get(tensor);
    if (known) return known;
    const stored = this.graph.initializer(tensor);
    if (!stored || stored.dims.length > 1 || Number(stored.dims[0] ?? 1) > MAX_SIZES) return undefined;
    if (stored.dataType !== DataType.INT64 && stored.dataType !== DataType.INT32) return undefined;
    const { data } = this.graph.model.tensor(stored);
    const vector = {
      scalar: stored.dims.length === 0,
      elements: Array.from(data as ArrayLike<number | bigint>, (value) => ({
        size: Number(value),
        sources: [],
      })),
    };
    this.vectors.set(tensor, vector);
    return vector;
  }

  setSizes(tensor: string, vector: SizeVector): void {
    this.vectors.set(tensor, vector);
    this.setShape(tensor, vector.scalar ? [] : [vector.elements.length]);
  }

  /** The values of a vector of integers, each undefined where it cannot be told; undefined for what is no such vector. */
  numbers(tensor: string | undefined): (number | undefined)[] | undefined {
    if (!tensor) return undefined;
    return this.sizes(tensor)?.elements.map(({ size }) => (typeof size === "number" ? size : undefined));
  }

  /** The values of a constant vector of integers; undefined where it is computed. */
  constants(tensor: string | undefined): number[] | undefined {
    if (!tensor) return undefined;
    const elements = this.sizes(tensor)?.elements;
    if (!elements?.every(({ size, sources }) => typeof size === "number" && sources.length === 0))
      return undefined;
    return elements.map(({ size }) => size as number);
  }
}

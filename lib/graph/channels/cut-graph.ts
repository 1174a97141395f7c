import { create } from "@bufbuild/protobuf";
import { ModelFormatError } from "../../errors.js";
import { deferTensor } from "../../onnx/deferred.js";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  type TensorProto,
} from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import { encodeTensor } from "../../onnx/tensor-proto.js";
import type { TypedArray } from "../../tensor.js";
import type { Axes, Size } from "./axes.js";
import { RULES } from "./rules/index.js";

/** Operators that pick some of a vector of sizes, or make one of a single size; what they make has the type of the vector. */
const PICKING = new Set(["Gather", "Slice", "Squeeze", "Unsqueeze"]);

/**
 * Takes channels out of a graph, wherever they are: from the weights that make them, from those that read them, and from
 * what nodes say of sizes. Sizes that nodes compute become constants where they are known, and nodes that only computed such go too.
 *
 * @param axes what `analyseChannels` found in this graph
 * @param removed the sets of channels to take out, by the element that stands for each
 * @returns what is left of each axis
 * @throws ModelFormatError MODEL_INVALID for a node whose sizes do not fit its inputs
 */
export function cutGraph(axes: Axes, removed: ReadonlySet<number>): Cut {
  const cut = new Cut(axes, removed);
  cut.apply();
  return cut;
}

/** What of each axis stays, and how nodes are told. */
export class Cut {
  private readonly stays = new Map<string, Map<number, number[]>>();

  constructor(
    readonly axes: Axes,
    removed: ReadonlySet<number>,
  ) {
    for (const { tensor, axis } of axes.tracked()) {
      const first = axes.first(tensor, axis)!;
      const size = axes.shape(tensor)![axis] as number;
      const kept: number[] = [];
      for (let k = 0; k < size; k++) if (!removed.has(axes.classes.find(first + k))) kept.push(k);
      if (kept.length === size) continue;
      const others = this.stays.get(tensor) ?? new Map<number, number[]>();
      this.stays.set(tensor, others.set(axis, kept));
    }
  }

  get opset(): number {
    return this.axes.graph.opset() ?? 0;
  }

  /** The elements of an axis that stay, in their order; undefined where all do. */
  kept(tensor: string, axis: number): readonly number[] | undefined {
    return this.stays.get(tensor)?.get(axis);
  }

  /** Sizes of a tensor with all its channels. */
  before(tensor: string): readonly Size[] | undefined {
    return this.axes.shape(tensor);
  }

  /** Sizes of a tensor with those that stay. */
  after(tensor: string): Size[] {
    return this.before(tensor)!.map((size, axis) => this.kept(tensor, axis)?.length ?? size);
  }

  /** How many elements of an axis stay. */
  size(tensor: string, axis: number): number {
    return this.after(tensor)[axis] as number;
  }

  setInt(node: NodeProto, name: string, value: number): void {
    this.setAttribute(node, name, { i: integer(node, value), type: AttributeProto_AttributeType.INT });
  }

  setInts(node: NodeProto, name: string, values: readonly number[]): void {
    this.setAttribute(node, name, {
      ints: values.map((value) => integer(node, value)),
      type: AttributeProto_AttributeType.INTS,
    });
  }

  dropAttribute(node: NodeProto, name: string): void {
    node.attribute = node.attribute.filter((attribute) => attribute.name !== name);
  }

  /** Gives a node a constant vector of integers of its own. */
  setVector(node: NodeProto, index: number, values: readonly number[]): void {
    const { graph } = this.axes;
    const name = graph.freeName(`${node.output[0]}_sizes`);
    graph.addInitializer(
      encodeTensor(
        name,
        "int64",
        [values.length],
        BigInt64Array.from(values, (value) => integer(node, value)),
      ),
    );
    graph.addInput(node, index, name);
  }

  apply(): void {
    const { graph } = this.axes;
    const idle = new Set(graph.allNodes().filter((node) => this.isIdle(node)));
    for (const node of graph.allNodes())
      if (this.touches(node) || this.isTold(node)) RULES.get(node.opType)?.cut?.(node, this);
    for (const [name, cut] of this.stays) {
      const stored = graph.initializer(name);
      if (stored) graph.addInitializer(this.cutTensor(stored, cut));
    }
    this.updateDeclarations();
    this.settleSizes();
    this.dropIdle(idle);
    graph.commit();
  }

  private setAttribute(node: NodeProto, name: string, value: Parameters<typeof create>[1] & object): void {
    this.dropAttribute(node, name);
    node.attribute = [...node.attribute, create(AttributeProtoSchema, { name, ...value })];
  }

  /** Whether channels went from a tensor of a node, or from one whose size it was told. */
  private touches(node: NodeProto): boolean {
    const sources = (RULES.get(node.opType)?.sizeInputs ?? []).flatMap(
      (index) => this.axes.sizes(node.input[index]!)?.elements.flatMap((element) => element.sources) ?? [],
    );
    return (
      [...node.input, ...node.output].some((name) => this.stays.has(name)) ||
      sources.some(({ tensor, axis }) => this.kept(tensor, axis) !== undefined)
    );
  }

  /** Whether a node is told sizes that other nodes compute, which may be known by now. */
  private isTold({ opType, input, output }: NodeProto): boolean {
    const { axes } = this;
    const isComputed = (index: number) => axes.graph.producer(input[index] ?? "") !== undefined;
    const isKnown = axes.shape(input[0]!) !== undefined && axes.shape(output[0]!) !== undefined;
    return isKnown && (RULES.get(opType)?.sizeInputs ?? []).some(isComputed);
  }

  /** One tensor is made when it is written, so that those of a large model are not in memory all at once. */
  private cutTensor(stored: TensorProto, cut: ReadonlyMap<number, readonly number[]>): TensorProto {
    const { model } = this.axes.graph;
    const { dtype, shape } = model.tensor(stored);
    const sizes = shape.map((size, axis) => cut.get(axis)?.length ?? size);
    return deferTensor(stored.name, dtype, sizes, (out) =>
      copyKept(model.tensor(stored).data, out, shape, cut),
    );
  }

  private updateDeclarations(): void {
    const { valueInfo, input } = this.axes.graph.proto;
    for (const { name, type } of [...valueInfo, ...input]) {
      if (type?.value.case !== "tensorType") continue;
      for (const [axis, kept] of this.stays.get(name) ?? []) {
        const dim = type.value.value.shape?.dim[axis];
        if (dim?.value.case === "dimValue") dim.value.value = BigInt(kept.length);
      }
    }
  }

  /** Sizes that nodes compute become constants where all are known, so that a runtime can fold what else is computed of them. */
  private settleSizes(): void {
    const { graph } = this.axes;
    const integers = new Set<string>();
    for (const node of graph.allNodes()) {
      const isShape = node.opType === "Shape" && isStandard(node);
      if (!isShape && !(PICKING.has(node.opType) && integers.has(node.input[0]!))) continue;
      const [name] = node.output as [string];
      integers.add(name);
      const sizes = this.settledSizes(name);
      if (!sizes || !graph.isInternal(name)) continue;
      const { scalar } = this.axes.sizes(name)!;
      const constant = graph.freeName(`${name}_sizes`);
      const values = BigInt64Array.from(sizes, (size) => integer(node, size));
      graph.addInitializer(encodeTensor(constant, "int64", scalar ? [] : [sizes.length], values));
      for (const use of [...graph.consumers(name)]) graph.setInput(use, constant);
    }
  }

  /** The values of a vector of sizes that are known and stay; undefined where one is not. */
  private settledSizes(name: string): number[] | undefined {
    const sizes = this.axes.sizes(name)?.elements.map(({ size, sources }) => {
      const stays = sources.every(({ tensor, axis }) => this.kept(tensor, axis) === undefined);
      return typeof size === "number" && stays ? size : undefined;
    });
    return sizes?.every((size) => size !== undefined) ? sizes : undefined;
  }

  private isIdle(node: NodeProto): boolean {
    const { graph } = this.axes;
    return node.output.every(
      (name) => name === "" || (graph.consumers(name).length === 0 && graph.isInternal(name)),
    );
  }

  /** Nodes of which nothing is read any more; those that were idle before are none of our business. */
  private dropIdle(before: ReadonlySet<NodeProto>): void {
    const { graph } = this.axes;
    for (const node of graph.allNodes().reverse())
      if (!before.has(node) && this.isIdle(node)) graph.removeNode(node);
  }
}

/** @throws ModelFormatError MODEL_INVALID where what a node says of sizes does not fit together */
function integer(node: NodeProto, value: number): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new ModelFormatError("MODEL_INVALID", `${node.opType} has sizes that do not fit its inputs`, {
    field: `node ${JSON.stringify(node.name || node.output[0])}`,
  });
}

/** Copies the elements of a tensor that stay along every axis. */
function copyKept(
  data: TypedArray,
  out: TypedArray,
  shape: readonly number[],
  cut: ReadonlyMap<number, readonly number[]>,
): void {
  const last = Math.max(...cut.keys());
  const run = shape.slice(last + 1).reduce((a, b) => a * b, 1);
  let to = 0;
  const copy = (axis: number, from: number): void => {
    if (axis > last) {
      for (let i = 0; i < run; i++) out[to++] = data[from * run + i]!;
      return;
    }
    const size = shape[axis]!;
    const kept = cut.get(axis);
    if (kept) for (const k of kept) copy(axis + 1, from * size + k);
    else for (let k = 0; k < size; k++) copy(axis + 1, from * size + k);
  };
  copy(0, 0);
}

import { intsAttributeOf } from "../../graph/graph.js";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import { graphsOf } from "../../onnx/walk.js";

/** A constant of a model, an initializer or the value of a Constant node, in the main graph or in a subgraph. */
export interface StoredTensor {
  readonly name: string;
  readonly tensor: TensorProto;
  /** Puts another in its place. */
  replace(tensor: TensorProto): void;
}

/** A node that a constant reaches, as it is or with its axes exchanged. */
export interface Reader {
  readonly node: NodeProto;
  readonly index: number;
  /** For each axis that the node sees, which one of the constant that is; undefined where they are in order. */
  readonly axes: readonly number[] | undefined;
}

/** Nodes that hand a constant on, its own values or those that it stands for, and no more than so many of them. */
const HANDS_ON = new Set(["Identity", "Transpose", "Cast", "DequantizeLinear"]);
const MAX_STEPS = 4;

/** The constants of a model and what reads them, across subgraphs. */
export class StoredTensors {
  private readonly found = new Map<string, StoredTensor>();
  private readonly ambiguous = new Set<string>();
  private readonly users = new Map<string, { node: NodeProto; index: number }[]>();
  private readonly producers = new Map<string, NodeProto>();
  private readonly outputs = new Set<string>();

  constructor(model: ModelProto) {
    for (const graph of graphsOf(model)) {
      for (const stored of constantsOf(graph)) {
        if (this.found.has(stored.name)) this.ambiguous.add(stored.name);
        this.found.set(stored.name, stored);
      }
      for (const { name } of graph.output) this.outputs.add(name);
      for (const node of graph.node) {
        for (const name of node.output) this.producers.set(name, node);
        for (const [index, name] of node.input.entries()) {
          const users = this.users.get(name);
          if (users) users.push({ node, index });
          else this.users.set(name, [{ node, index }]);
        }
      }
    }
  }

  /** In the order of the model. */
  all(): StoredTensor[] {
    return [...this.found.values()];
  }

  get(name: string): StoredTensor | undefined {
    return this.ambiguous.has(name) ? undefined : this.found.get(name);
  }

  /** The node that makes a tensor. */
  producer(name: string): NodeProto | undefined {
    return this.producers.get(name);
  }

  /** The nodes that read a tensor themselves. */
  uses(name: string): readonly { readonly node: NodeProto; readonly index: number }[] {
    return this.users.get(name) ?? [];
  }

  /** What a constant reaches; undefined where it goes out of a graph, or its name stands for two. */
  readers(name: string): Reader[] | undefined {
    const rank = this.get(name)?.tensor.dims.length;
    return rank === undefined ? undefined : this.follow(name, rank, undefined, MAX_STEPS);
  }

  private follow(name: string, rank: number, axes: Reader["axes"], steps: number): Reader[] | undefined {
    if (this.outputs.has(name)) return undefined;
    const readers: Reader[] = [];
    for (const { node, index } of this.uses(name)) {
      const handsOn = HANDS_ON.has(node.opType) && index === 0 && steps > 0;
      if (!handsOn || !(isStandard(node) || node.opType === "DequantizeLinear")) {
        readers.push({ node, index, axes });
        continue;
      }
      const further = this.follow(node.output[0]!, rank, axesAfter(node, rank, axes), steps - 1);
      if (further === undefined) return undefined;
      readers.push(...further);
    }
    return readers;
  }
}

/** A Transpose without an order turns all axes around. */
function axesAfter(node: NodeProto, rank: number, axes: Reader["axes"]): Reader["axes"] {
  if (node.opType !== "Transpose") return axes;
  const order = intsAttributeOf(node, "perm");
  const turned = order.length > 0 ? order : Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return axes === undefined ? turned : turned.map((axis) => axes[axis] ?? axis);
}

function* constantsOf(graph: GraphProto): Generator<StoredTensor> {
  for (const [i, tensor] of graph.initializer.entries())
    yield {
      name: tensor.name,
      tensor,
      replace(other) {
        graph.initializer[i] = other;
      },
    };
  for (const node of graph.node) {
    if (!isStandard(node) || node.opType !== "Constant") continue;
    const attribute = node.attribute.find(({ name }) => name === "value");
    const name = node.output[0];
    if (attribute?.t === undefined || name === undefined) continue;
    yield {
      name,
      tensor: attribute.t,
      replace(other) {
        attribute.t = other;
      },
    };
  }
}

import { create } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
} from "../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../onnx/read.js";
import { standardSet } from "../onnx/standard-set.js";
import { dropInitializerInputs } from "./drop-initializer-inputs.js";
import { Names } from "./names.js";

/** One use of a tensor: the node and which of its inputs. */
export interface Use {
  readonly node: NodeProto;
  readonly index: number;
}

interface NodeOptions {
  name?: string;
  domain?: string;
  attributes?: Record<string, number | number[]>;
}

/**
 * A graph of a model, the main one unless another is named, as producers and consumers. Edits go through its methods, which keep the index true;
 * `commit()` writes nodes back in an order in which every tensor is made before it is used.
 */
export class Graph {
  private readonly nodes = new Set<NodeProto>();
  private readonly producers = new Map<string, NodeProto>();
  private readonly uses = new Map<string, Use[]>();
  private readonly initializers = new Map<string, TensorProto>();
  private readonly elementTypes = new Map<string, number>();
  private readonly ranks = new Map<string, number>();
  private readonly names: Names;
  /** Tensors that subgraphs (If, Loop, Scan) take from this graph: they keep their name and their float values. */
  readonly captured: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly inputs: ReadonlySet<string>;

  constructor(
    readonly model: OnnxModel,
    readonly proto: GraphProto = model.proto.graph!,
  ) {
    for (const tensor of proto.initializer) this.initializers.set(tensor.name, tensor);
    for (const { name, type } of [...proto.input, ...proto.output, ...proto.valueInfo])
      if (type?.value.case === "tensorType") {
        const { elemType, shape } = type.value.value;
        this.elementTypes.set(name, elemType);
        if (shape) this.ranks.set(name, shape.dim.length);
      }
    for (const { name, dataType, dims } of proto.initializer) {
      this.elementTypes.set(name, dataType);
      this.ranks.set(name, dims.length);
    }
    this.inputs = new Set(proto.input.map(({ name }) => name).filter((name) => !this.initializers.has(name)));
    this.outputs = new Set(proto.output.map(({ name }) => name));
    this.captured = new Set(proto.node.flatMap((node) => [...capturedBy(node)]));
    this.names = new Names(model.proto);
    for (const node of proto.node) this.link(node);
  }

  /** Nodes in the order of the file, new ones last. */
  allNodes(): NodeProto[] {
    return [...this.nodes];
  }
  producer(tensor: string): NodeProto | undefined {
    return this.producers.get(tensor);
  }
  consumers(tensor: string): readonly Use[] {
    return this.uses.get(tensor) ?? [];
  }
  initializer(tensor: string): TensorProto | undefined {
    return this.initializers.get(tensor);
  }
  /** TensorProto.DataType of a tensor, where the model says or shape inference found it. */
  elementType(tensor: string): number | undefined {
    return this.elementTypes.get(tensor);
  }
  /** How many dimensions a tensor has, where the model or an operator says. */
  rank(tensor: string): number | undefined {
    return this.ranks.get(tensor);
  }
  setRank(tensor: string, rank: number): void {
    this.ranks.set(tensor, rank);
  }
  /** Says that a tensor has another type from now on, wherever the model says what it has. */
  setElementType(tensor: string, elemType: number): void {
    this.elementTypes.set(tensor, elemType);
    const { input, output, valueInfo } = this.proto;
    for (const { name, type } of [...input, ...output, ...valueInfo])
      if (name === tensor && type?.value.case === "tensorType") type.value.value.elemType = elemType;
  }
  /** True when nothing but graph nodes reads the tensor, so that it may be replaced. */
  isInternal(tensor: string): boolean {
    return !this.outputs.has(tensor) && !this.captured.has(tensor);
  }
  /** Version of the operator set of a domain ("" is the standard one); undefined when it is not imported. */
  opset(domain = ""): number | undefined {
    const { proto } = this.model;
    const found =
      domain === "" ? standardSet(proto) : proto.opsetImport.find((each) => each.domain === domain);
    return found && Number(found.version);
  }

  /** A name that no tensor or node of the model has yet: `base`, or `base_2`, `base_3`, ... */
  freeName(base: string): string {
    return this.names.free(base);
  }

  /** Adds a constant, or puts it in place of the one of its name. */
  addInitializer(tensor: TensorProto): void {
    dropInitializerInputs(this.model.proto);
    this.initializers.set(tensor.name, tensor);
    this.elementTypes.set(tensor.name, tensor.dataType);
    this.names.take(tensor.name);
  }

  /** Adds a node. One that only brings what others compute into another type needs no name. */
  addNode(
    opType: string,
    inputs: string[],
    outputs: string[],
    { name, domain, attributes = {} }: NodeOptions = {},
  ): NodeProto {
    const node = create(NodeProtoSchema, {
      opType,
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([key, value]) => intAttribute(key, value)),
      ...(name !== undefined && { name }),
    });
    if (domain) this.useDomain(node, domain);
    this.link(node);
    return node;
  }

  private useDomain(node: NodeProto, domain: string): void {
    node.domain = domain;
    const { opsetImport } = this.model.proto;
    if (this.opset(domain) === undefined)
      opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
  }

  removeNode(node: NodeProto): void {
    this.nodes.delete(node);
    for (const output of node.output) if (this.producers.get(output) === node) this.producers.delete(output);
    for (const input of new Set(node.input)) this.setUses(input, (use) => use.node !== node);
  }

  /** Makes one input of a node read another tensor. */
  setInput({ node, index }: Use, tensor: string): void {
    const before = node.input[index]!;
    this.setUses(before, (use) => use.node !== node || use.index !== index);
    node.input[index] = tensor;
    this.addUse(tensor, { node, index });
  }

  /** Gives a node an input that it left out until now. */
  addInput(node: NodeProto, index: number, tensor: string): void {
    while (node.input.length <= index) node.input.push("");
    this.setInput({ node, index }, tensor);
  }

  /** Makes a node write another tensor; readers of the old one are not changed. */
  setOutput(node: NodeProto, index: number, tensor: string): void {
    const before = node.output[index]!;
    if (this.producers.get(before) === node) this.producers.delete(before);
    node.output[index] = tensor;
    this.producers.set(tensor, node);
    const type = this.elementTypes.get(before);
    if (type !== undefined) this.elementTypes.set(tensor, type);
    this.names.take(tensor);
  }

  /** Writes the edits back: nodes in order, unused initializers, value infos and operator sets dropped. */
  commit(): void {
    const { proto } = this;
    proto.node = this.inOrder();
    const used = new Set([...this.uses.keys(), ...this.captured, ...this.outputs]);
    proto.initializer = [...this.initializers.values()].filter(({ name }) => used.has(name));
    const alive = new Set([...this.producers.keys()]);
    proto.valueInfo = proto.valueInfo.filter(({ name }) => alive.has(name));
    proto.input = proto.input.filter(({ name }) => this.inputs.has(name) || used.has(name));
  }

  /** Depth first with a stack of its own: nodes come after what they need, else in the order of the file. */
  private inOrder(): NodeProto[] {
    const ordered: NodeProto[] = [];
    const state = new Map<NodeProto, "open" | "done">();
    for (const root of this.nodes) {
      const stack = [root];
      while (stack.length > 0) {
        const node = stack[stack.length - 1]!;
        if (state.get(node) === undefined) {
          state.set(node, "open");
          for (const needed of this.dependencies(node)) {
            if (state.get(needed) === "open") throw this.cycleAt(needed);
            if (state.get(needed) === undefined) stack.push(needed);
          }
          continue;
        }
        if (state.get(node) === "open") ordered.push(node);
        state.set(node, "done");
        stack.pop();
      }
    }
    return ordered;
  }

  private cycleAt(node: NodeProto): ModelFormatError {
    return new ModelFormatError("MODEL_INVALID", "the graph has a cycle, so it cannot be run", {
      path: this.model.path,
      field: `node ${JSON.stringify(node.name || node.output[0])}`,
    });
  }

  private dependencies(node: NodeProto): NodeProto[] {
    const tensors = [...node.input, ...capturedBy(node)];
    return tensors.map((tensor) => this.producers.get(tensor)).filter((producer) => producer !== undefined);
  }

  private link(node: NodeProto): void {
    this.nodes.add(node);
    for (const output of node.output) {
      // An optional output that is left out has no name.
      if (output === "") continue;
      this.producers.set(output, node);
      this.names.take(output);
    }
    for (const [index, input] of node.input.entries()) this.addUse(input, { node, index });
  }

  private addUse(tensor: string, use: Use): void {
    if (tensor === "") return;
    const uses = this.uses.get(tensor);
    if (uses) uses.push(use);
    else this.uses.set(tensor, [use]);
  }

  private setUses(tensor: string, keep: (use: Use) => boolean): void {
    const left = (this.uses.get(tensor) ?? []).filter(keep);
    if (left.length > 0) this.uses.set(tensor, left);
    else this.uses.delete(tensor);
  }
}

/** Names that the subgraphs of a node read from outside themselves. */
function capturedBy(node: NodeProto): Set<string> {
  const captured = new Set<string>();
  for (const { g, graphs } of node.attribute)
    for (const graph of g ? [g, ...graphs] : graphs) {
      const own = new Set([
        ...graph.input.map(({ name }) => name),
        ...graph.initializer.map(({ name }) => name),
        ...graph.node.flatMap(({ output }) => output),
      ]);
      const read = [
        ...graph.node.flatMap((inner) => [...inner.input, ...capturedBy(inner)]),
        ...graph.output.map(({ name }) => name),
      ];
      for (const name of read) if (name !== "" && !own.has(name)) captured.add(name);
    }
  return captured;
}

/** The value of an integer attribute, or what the standard says when it is absent. */
export function intAttributeOf(node: NodeProto, name: string, absent: number): number {
  const found = node.attribute.find((attribute) => attribute.name === name);
  return found ? Number(found.i) : absent;
}

/** The values of an attribute of integers; none when it is absent. */
export function intsAttributeOf(node: NodeProto, name: string): number[] {
  return node.attribute.find((attribute) => attribute.name === name)?.ints.map(Number) ?? [];
}

/** The value of a float attribute, or what the standard says when it is absent. */
export function floatAttributeOf(node: NodeProto, name: string, absent: number): number {
  const found = node.attribute.find((attribute) => attribute.name === name);
  return found ? found.f : absent;
}

function intAttribute(name: string, value: number | number[]): AttributeProto {
  return Array.isArray(value)
    ? create(AttributeProtoSchema, { name, ints: value.map(BigInt), type: AttributeProto_AttributeType.INTS })
    : create(AttributeProtoSchema, { name, i: BigInt(value), type: AttributeProto_AttributeType.INT });
}

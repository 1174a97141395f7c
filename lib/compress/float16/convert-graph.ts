import type { Graph } from "../../graph/graph.js";
import {
  TensorProto_DataType as DataType,
  type NodeProto,
  type TensorProto,
} from "../../onnx/proto/onnx_pb.js";
import { Scratch } from "../../scratch.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { NodeTreatment } from "../options.js";
import { nameOf } from "../select-nodes.js";
import { type ElementTypes, elementTypes } from "./element-types.js";
import { isFatalTranspose } from "./fatal-transpose.js";
import { halfTensor } from "./half-tensor.js";
import { indexArithmetic } from "./index-arithmetic.js";
import { whyFloat32 } from "./why-float32.js";

/** Inputs that stay float32 in a node that works in float16. */
const FLOAT32_INPUTS: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2] };

export interface GraphConversionOptions {
  readonly spared: SparedReason;
  /** Inputs and outputs keep their type. */
  readonly keepIo: boolean;
  /** Told of values beyond the range of float16, when they are written. */
  readonly onClamp: (name: string, count: number) => void;
  /** Types of the graph around this one. */
  readonly outer?: ElementTypes | undefined;
}

/**
 * Makes the nodes of one graph work in float16, with casts where such a node meets one that stays in float32. What subgraphs read
 * keeps its type.
 *
 * @returns what was done with every node that works on floats, and the types of the graph as it was
 */
export function convertGraph(
  graph: Graph,
  options: GraphConversionOptions,
): { nodes: NodeTreatment[]; types: ElementTypes } {
  const types = elementTypes(graph, options.outer);
  const nodes = new GraphConversion(graph, types, options).apply();
  return { nodes, types };
}

class GraphConversion {
  /** Tensors that are float16 now under the name that they had in float32. */
  private readonly halves = new Set<string>();
  /** The other form of a tensor, made once. */
  private readonly casts = new Map<string, string>();
  private readonly scratch = new Scratch();
  private readonly exact: ReadonlySet<NodeProto>;

  constructor(
    private readonly graph: Graph,
    private readonly types: ElementTypes,
    private readonly options: GraphConversionOptions,
  ) {
    this.exact = indexArithmetic(graph, types);
  }

  apply(): NodeTreatment[] {
    const { graph } = this;
    const nodes = graph.allNodes().filter(({ input, output }) => [...input, ...output].some(this.isFloat));
    const reasons = new Map(nodes.map((node) => [node, this.whyKept(node)]));
    const half = this.halfNodes(nodes, reasons);
    if (!this.options.keepIo)
      for (const input of graph.inputs) if (this.isFloat(input)) this.becomeHalf(input);
    for (const node of half) {
      typeAttributes(node, (tensor) => this.half(tensor, tensor.name));
      for (const [index] of node.output.entries()) this.convertOutput(node, index);
    }
    for (const node of half) this.convertInputs(node);
    for (const node of graph.allNodes()) if (!half.has(node)) this.widenInputs(node);
    if (!this.options.keepIo)
      for (const output of graph.outputs) if (this.isFloat(output)) this.halveOutput(output);
    return nodes
      .filter((node) => half.has(node) || reasons.get(node) !== undefined)
      .map((node) => ({
        name: nameOf(node),
        opType: node.opType,
        treatment: half.has(node) ? "float16" : "float",
        reason: reasons.get(node) ?? "works on float16",
      }));
  }

  /** Nodes that only read floats, such as comparisons, follow what they read, and constants follow who reads them. */
  private halfNodes(
    nodes: readonly NodeProto[],
    reasons: ReadonlyMap<NodeProto, string | undefined>,
  ): Set<NodeProto> {
    const half = new Set<NodeProto>();
    for (const node of nodes) {
      if (reasons.get(node) !== undefined) continue;
      const makers = node.input.filter(this.isFloat).map((input) => this.graph.producer(input));
      if (node.output.some(this.isFloat) || makers.some((maker) => maker && half.has(maker))) half.add(node);
    }
    for (const node of half) {
      const readers = node.output.flatMap((output) => this.graph.consumers(output));
      if (node.opType === "Constant" && readers.some((reader) => !half.has(reader.node))) half.delete(node);
    }
    return half;
  }

  private readonly isFloat = (tensor: string): boolean =>
    tensor !== "" && this.types(tensor) === DataType.FLOAT;

  private whyKept(node: NodeProto): string | undefined {
    if (this.exact.has(node)) return "computes positions, sizes or angles";
    if (isFatalTranspose(this.graph, node)) return "onnxruntime dies of one in float16 before a product";
    const unknown = node.input.find((tensor) => tensor !== "" && this.types(tensor) === undefined);
    return (
      this.options.spared(node) ??
      whyFloat32(node) ??
      (unknown && `the type of its input ${unknown} is not known`)
    );
  }

  private becomeHalf(tensor: string): void {
    this.halves.add(tensor);
    this.graph.setElementType(tensor, DataType.FLOAT16);
  }

  /** A float output becomes float16 under its own name, unless somebody outside of the nodes needs that name in float32. */
  private convertOutput(node: NodeProto, index: number): void {
    const { graph } = this;
    const tensor = node.output[index]!;
    if (!this.isFloat(tensor)) return;
    if (graph.isInternal(tensor) || !(this.options.keepIo || graph.captured.has(tensor))) {
      this.becomeHalf(tensor);
      return;
    }
    const half = graph.freeName(`${tensor}_float16`);
    graph.setOutput(node, index, half);
    graph.setElementType(half, DataType.FLOAT16);
    this.addCast(half, tensor, DataType.FLOAT);
    this.casts.set(tensor, half);
  }

  private convertInputs(node: NodeProto): void {
    for (const [index, tensor] of node.input.entries()) {
      if (FLOAT32_INPUTS[node.opType]?.includes(index)) this.widen(node, index);
      else if (this.isFloat(tensor)) this.graph.setInput({ node, index }, this.inHalf(tensor));
    }
  }

  private widenInputs(node: NodeProto): void {
    for (const [index] of node.input.entries()) this.widen(node, index);
  }

  private widen(node: NodeProto, index: number): void {
    const tensor = node.input[index]!;
    if (this.halves.has(tensor))
      this.graph.setInput({ node, index }, this.cast(tensor, "float32", DataType.FLOAT));
  }

  private inHalf(tensor: string): string {
    const known = this.casts.get(tensor);
    if (known !== undefined) return known;
    const stored = this.graph.initializer(tensor);
    if (!stored) return this.cast(tensor, "float16", DataType.FLOAT16);
    const half = this.graph.freeName(`${tensor}_float16`);
    this.graph.addInitializer(this.half(stored, half));
    this.casts.set(tensor, half);
    return half;
  }

  private half(stored: TensorProto, name: string): TensorProto {
    return halfTensor(this.graph.model, stored, name, this.scratch, this.options.onClamp);
  }

  private cast(tensor: string, suffix: string, to: DataType): string {
    const known = this.casts.get(tensor);
    if (known !== undefined) return known;
    const output = this.graph.freeName(`${tensor}_${suffix}`);
    this.addCast(tensor, output, to);
    this.casts.set(tensor, output);
    return output;
  }

  private addCast(from: string, to: string, type: DataType): void {
    this.graph.addNode("Cast", [from], [to], { attributes: { to: type } });
  }

  /** An output of a node that stays in float32. */
  private halveOutput(tensor: string): void {
    const { graph } = this;
    const node = graph.producer(tensor);
    if (!node || graph.captured.has(tensor)) return;
    const float = graph.freeName(`${tensor}_float32`);
    graph.setOutput(node, node.output.indexOf(tensor), float);
    for (const use of [...graph.consumers(tensor)]) graph.setInput(use, float);
    this.addCast(float, tensor, DataType.FLOAT16);
    graph.setElementType(tensor, DataType.FLOAT16);
  }
}

/** Where an attribute is the value of the output, or names its type. */
function typeAttributes(node: NodeProto, half: (tensor: TensorProto) => TensorProto): void {
  for (const attribute of node.attribute) {
    if (node.opType === "Cast" && attribute.name === "to" && Number(attribute.i) === DataType.FLOAT)
      attribute.i = BigInt(DataType.FLOAT16);
    if (attribute.name === "value" && attribute.t?.dataType === DataType.FLOAT)
      attribute.t = half(attribute.t);
  }
}

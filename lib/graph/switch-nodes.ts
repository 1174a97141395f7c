import { create } from "@bufbuild/protobuf";
import { dtypeOf } from "../onnx/data-type.js";
import { deferTensor } from "../onnx/deferred.js";
import {
  type NodeProto,
  TensorProto_DataType,
  TypeProto_TensorSchema,
  ValueInfoProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../onnx/read.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import { elementCount, type TypedArray } from "../tensor.js";
import type { Graph } from "./graph.js";

/** What quantizers add to the name of a model's output for the tensor that is still to be rounded. */
const INPUT_SUFFIX = "_QuantizeLinear_Input";
const CLAMPS = new Set(["Relu", "Clip"]);

/** A node that can be quantized by its switches. */
export interface SwitchedNode {
  readonly name: string;
  readonly opType: string;
  /** Its weights are quantized where switch 2 x index is on; its inputs, outputs and bias where the one after it is. */
  readonly index: number;
  /** How many values its constants hold. */
  readonly constants: number;
}

export interface SwitchedModel {
  readonly model: OnnxModel;
  /** The added input: two bools per node. */
  readonly input: string;
  readonly nodes: readonly SwitchedNode[];
}

/**
 * Makes of a float model one in which each node can be quantized as it is in another, by an input of switches: its
 * inputs, its constants and its output pass through the QuantizeLinear and DequantizeLinear of the other model, or do
 * not. So one loaded model shows what the quantization of any set of nodes does. Nodes are matched by name, else by what
 * they make.
 *
 * @param reference the float model; it is edited
 * @param candidate made of it by a quantizer that writes QuantizeLinear and DequantizeLinear pairs
 */
export function switchNodes(reference: Graph, candidate: Graph): SwitchedModel {
  return new Switches(reference, candidate).build();
}

/** How one tensor passes through integers in the candidate. */
interface Pair {
  /** Absent for a constant, which is stored quantized. */
  readonly quantize?: NodeProto;
  readonly dequantize: NodeProto;
}

class Switches {
  private readonly input: string;
  private readonly nodes: SwitchedNode[] = [];
  /** Outputs of pairs that stand already, by what they round and with which node of the candidate. */
  private readonly rounded = new Map<string, string>();
  private readonly copied = new Map<string, string>();

  constructor(
    private readonly reference: Graph,
    private readonly candidate: Graph,
  ) {
    this.input = reference.freeName("quantized_nodes");
  }

  build(): SwitchedModel {
    for (const [node, twin] of twins(this.reference, this.candidate)) this.addSwitch(node, twin);
    const { model, proto } = this.reference;
    const shape = { dim: [{ value: { case: "dimValue", value: BigInt(2 * this.nodes.length) } as const }] };
    const value = create(TypeProto_TensorSchema, { elemType: TensorProto_DataType.BOOL, shape });
    const type = { value: { case: "tensorType", value } as const };
    this.reference.commit();
    proto.input = [...proto.input, create(ValueInfoProtoSchema, { name: this.input, type })];
    return { model, input: this.input, nodes: this.nodes };
  }

  private addSwitch(node: NodeProto, twin: NodeProto): void {
    const index = this.nodes.length;
    const name = node.name || node.output[0]!;
    const inputs = twin.input.flatMap((tensor, at) => {
      const pair = tensor === "" ? undefined : this.pairBefore(tensor);
      return pair ? [{ at, pair }] : [];
    });
    if (inputs.length === 0) return;
    const stored = inputs.reduce((sum, { pair }) => sum + this.constantSize(pair), 0);
    const [constants, activations] = [2 * index, 2 * index + 1].map((at) =>
      this.add("Gather", [this.input, this.constant(at)], `${this.input}_${at}`),
    ) as [string, string];
    for (const { at, pair } of inputs) {
      const float = node.input[at] || this.zero();
      const rounded = this.round(float, pair);
      const isOn = pair.quantize || this.isBias(pair) ? activations : constants;
      const chosen = this.add("Where", [isOn, rounded, float], `${float}_switched_${index}`);
      this.setInput(node, at, chosen);
    }
    for (const output of twin.output) this.switchOutput(node, output, activations);
    this.nodes.push({ name, opType: node.opType, index, constants: stored });
  }

  /** The pair that an input of a node of the candidate comes through. */
  private pairBefore(tensor: string): Pair | undefined {
    const dequantize = this.candidate.producer(tensor);
    if (dequantize?.opType !== "DequantizeLinear" || !this.hasConstantScale(dequantize)) return undefined;
    const stored = dequantize.input[0]!;
    if (this.candidate.initializer(stored)) return { dequantize };
    const quantize = this.candidate.producer(stored);
    return quantize?.opType === "QuantizeLinear" && this.hasConstantScale(quantize)
      ? { quantize, dequantize }
      : undefined;
  }

  /** Integers of 32 bits, in steps of the input's scale: a node in float has its bias in float. */
  private isBias({ dequantize }: Pair): boolean {
    return this.candidate.initializer(dequantize.input[0]!)!.dataType === TensorProto_DataType.INT32;
  }

  private constantSize({ quantize, dequantize }: Pair): number {
    return quantize ? 0 : elementCount(shapeOf(this.candidate.initializer(dequantize.input[0]!)!));
  }

  private hasConstantScale({ input }: NodeProto): boolean {
    return input.slice(1).every((name) => name === "" || this.candidate.initializer(name) !== undefined);
  }

  /** Rounds what the node makes, or the clamp behind it that the candidate's range took the place of. */
  private switchOutput(node: NodeProto, output: string, isOn: string): void {
    const readers = this.candidate.consumers(output).map((use) => use.node);
    const quantize = readers[0];
    if (!quantize || readers.some(({ opType }) => opType !== "QuantizeLinear")) return;
    const pair = this.candidate
      .consumers(quantize.output[0]!)
      .map((use) => this.pairBefore(use.node.output[0]!))
      .find((each) => each !== undefined);
    const tensor = floatName(output);
    const maker = this.reference.producer(tensor);
    const clamped = maker && CLAMPS.has(maker.opType) ? this.reference.producer(maker.input[0]!) : undefined;
    if (!maker || !pair || (maker !== node && clamped !== node)) return;
    const float = this.reference.freeName(`${tensor}_float`);
    this.reference.setOutput(maker, maker.output.indexOf(tensor), float);
    const rounded = this.round(float, pair);
    this.reference.addNode("Where", [isOn, rounded, float], [tensor], {
      name: this.reference.freeName(`${tensor}_switch`),
    });
  }

  private round(float: string, { quantize, dequantize }: Pair): string {
    const key = JSON.stringify([quantize ? float : "", (quantize ?? dequantize).output[0]]);
    let rounded = this.rounded.get(key);
    if (rounded === undefined) {
      const quantized = quantize ? this.copy(quantize, float) : this.copyInitializer(dequantize.input[0]!);
      rounded = this.copy(dequantize, quantized);
      this.rounded.set(key, rounded);
    }
    return rounded;
  }

  /** A node of the candidate with another first input. */
  private copy({ opType, input, output, attribute, domain }: NodeProto, first: string): string {
    const parameters = input.slice(1).map((name) => this.copyInitializer(name));
    const made = this.add(opType, [first, ...parameters], `${output[0]}_copy`, domain);
    this.reference.producer(made)!.attribute.push(...attribute);
    return made;
  }

  private copyInitializer(name: string): string {
    let copy = this.copied.get(name);
    if (copy !== undefined || name === "") return copy ?? "";
    const stored = this.candidate.initializer(name)!;
    const dtype = dtypeOf(stored.dataType)!;
    copy = this.reference.freeName(`${name}_copy`);
    const fill = (out: TypedArray): void => out.set(this.candidate.model.tensor(stored).data as never);
    this.reference.addInitializer(deferTensor(copy, dtype, shapeOf(stored), fill));
    this.copied.set(name, copy);
    return copy;
  }

  private constant(index: number): string {
    const name = this.reference.freeName(`${this.input}_index_${index}`);
    this.reference.addInitializer(encodeTensor(name, "int64", [], BigInt64Array.of(BigInt(index))));
    return name;
  }

  /** Stands for a bias that only the candidate has. */
  private zero(): string {
    const name = this.reference.freeName(`${this.input}_no_bias`);
    this.reference.addInitializer(encodeTensor(name, "float32", [], Float32Array.of(0)));
    return name;
  }

  private setInput(node: NodeProto, index: number, tensor: string): void {
    while (node.input.length <= index) node.input.push("");
    this.reference.setInput({ node, index }, tensor);
  }

  private add(opType: string, inputs: string[], name: string, domain?: string): string {
    const output = this.reference.freeName(name);
    const options = { name: this.reference.freeName(`${name}_node`), ...(domain && { domain }) };
    this.reference.addNode(opType, inputs, [output], options);
    return output;
  }
}

/** The name that a tensor has in the float model. */
export function floatName(tensor: string): string {
  return tensor.endsWith(INPUT_SUFFIX) ? tensor.slice(0, -INPUT_SUFFIX.length) : tensor;
}

function* twins(reference: Graph, candidate: Graph): Generator<[NodeProto, NodeProto]> {
  const byName = new Map<string, NodeProto>();
  const byOutput = new Map<string, NodeProto>();
  for (const node of candidate.allNodes()) {
    if (node.name) byName.set(node.name, node);
    if (node.output[0]) byOutput.set(floatName(node.output[0]), node);
  }
  for (const node of reference.allNodes()) {
    const [output = ""] = node.output;
    const [clamp] = reference.consumers(output);
    const behind = clamp && CLAMPS.has(clamp.node.opType) ? clamp.node.output[0]! : "";
    const twin = [byName.get(node.name), byOutput.get(output), byOutput.get(behind)].find(
      (each) => each?.opType === node.opType,
    );
    if (twin) yield [node, twin];
  }
}

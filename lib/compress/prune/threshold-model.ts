import { create } from "@bufbuild/protobuf";
import { ModelOperationError } from "../../errors.js";
import { copyGraph } from "../../graph/copy-graph.js";
import { Graph } from "../../graph/graph.js";
import { dtypeOf } from "../../onnx/data-type.js";
import {
  TensorProto_DataType as DataType,
  TypeProto_TensorSchema,
  ValueInfoProtoSchema,
} from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { encodeTensor } from "../../onnx/tensor-proto.js";
import type { GraphWeight } from "./choose-weights.js";

/** The first operator set with Where. */
const LOWEST_OPSET = 9;

/** A model whose weights lose every value with a magnitude up to a threshold that they are fed. */
export interface ThresholdModel {
  readonly model: OnnxModel;
  /** The input of thresholds, one for each of the weights; below 0 a weight loses nothing. */
  readonly input: string;
  readonly weights: readonly GraphWeight[];
}

/**
 * Puts Where(|weight| > threshold, weight, 0) between weights and what reads them, so that any of them can be pruned in any run of a
 * model that is loaded once. Weights of subgraphs, or that these read, are left out.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for operator sets without Where
 */
export function withThresholds(model: OnnxModel, weights: readonly GraphWeight[]): ThresholdModel {
  const { graph } = copyGraph(new Graph(model));
  if ((graph.opset() ?? 0) < LOWEST_OPSET)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `${model.path ?? "the model"}: weights cannot be pruned one by one in its operator set, ${graph.opset()}; export it with ${LOWEST_OPSET} or later`,
    );
  return new ThresholdInsertion(graph).insert(weights);
}

class ThresholdInsertion {
  private readonly input: string;
  private readonly zeros = new Map<number, string>();

  constructor(private readonly graph: Graph) {
    this.input = graph.freeName("pruning_thresholds");
  }

  insert(weights: readonly GraphWeight[]): ThresholdModel {
    const { graph, input } = this;
    const chosen = weights.filter(({ name }) => this.isOfMainGraph(name));
    for (const [i, { name }] of chosen.entries())
      for (const tensor of this.floatTensors(name)) this.prune(tensor, i);
    graph.commit();
    const shape = { dim: [{ value: { case: "dimValue", value: BigInt(chosen.length) } as const }] };
    const value = create(TypeProto_TensorSchema, { elemType: DataType.FLOAT, shape });
    const type = { value: { case: "tensorType", value } as const };
    graph.proto.input = [...graph.proto.input, create(ValueInfoProtoSchema, { name: input, type })];
    return { model: graph.model, input, weights: chosen };
  }

  private isOfMainGraph(name: string): boolean {
    const { graph } = this;
    const isStored = graph.initializer(name) !== undefined || graph.producer(name) !== undefined;
    return isStored && graph.isInternal(name) && graph.consumers(name).length > 0;
  }

  /** The weight itself, or what DequantizeLinear makes of it. */
  private floatTensors(name: string): string[] {
    const uses = this.graph.consumers(name);
    const dequantized = uses.filter(({ node }) => node.opType === "DequantizeLinear");
    return dequantized.length > 0 ? dequantized.map(({ node }) => node.output[0]!) : [name];
  }

  private prune(tensor: string, index: number): void {
    const { graph } = this;
    const readers = [...graph.consumers(tensor)];
    const elementType = graph.elementType(tensor) ?? DataType.FLOAT;
    const threshold = this.add("Gather", [this.input, this.constant(index)], tensor);
    const magnitude = this.add("Abs", [tensor], tensor);
    const compared =
      elementType === DataType.FLOAT
        ? magnitude
        : this.add("Cast", [magnitude], tensor, { to: DataType.FLOAT });
    const kept = this.add("Greater", [compared, threshold], tensor);
    const pruned = this.add("Where", [kept, tensor, this.zero(elementType)], tensor);
    for (const reader of readers) graph.setInput(reader, pruned);
  }

  private constant(index: number): string {
    const name = this.graph.freeName(`${this.input}_${index}`);
    this.graph.addInitializer(encodeTensor(name, "int64", [], BigInt64Array.of(BigInt(index))));
    return name;
  }

  private zero(elementType: number): string {
    let name = this.zeros.get(elementType);
    if (name === undefined) {
      const dtype = dtypeOf(elementType)!;
      name = this.graph.freeName(`${this.input}_zero`);
      const data = dtype === "float32" ? new Float32Array(1) : new Uint16Array(1);
      this.graph.addInitializer(encodeTensor(name, dtype, [], data));
      this.zeros.set(elementType, name);
    }
    return name;
  }

  private add(opType: string, inputs: string[], tensor: string, attributes?: Record<string, number>): string {
    const output = this.graph.freeName(`${tensor}_${opType}_pruning`);
    const name = this.graph.freeName(`${output}_node`);
    this.graph.addNode(opType, inputs, [output], { name, ...(attributes && { attributes }) });
    return output;
  }
}

import type { ModelProto, TensorProto } from "../../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../../lib/onnx/tensor-proto.js";
import { buildModel, floats, type GraphSpec, type NodeSpec } from "./build-model.js";
import { randomTensor } from "./quantize-built.js";

/** Builds a graph layer by layer; every method returns the tensor that its layer makes. Weights depend on the seed alone. */
export class Network {
  private readonly nodes: NodeSpec[] = [];
  private readonly initializers: TensorProto[] = [];
  private count = 0;

  constructor(private seed = 1) {}

  /** Any node with one output. */
  node(op: string, inputs: string[], attributes: NodeSpec["attributes"] = {}): string {
    return this.split(op, inputs, 1, attributes)[0]!;
  }

  /** Any node with several outputs. */
  split(op: string, inputs: string[], outputs: number, attributes: NodeSpec["attributes"] = {}): string[] {
    const name = `${op}${this.count++}`;
    const out = Array.from({ length: outputs }, (_, i) => `${name}:${i}`);
    this.nodes.push({ op, name, in: inputs, out, attributes });
    return out;
  }

  /** A constant of random floats. */
  weight(...shape: number[]): string {
    const name = `w${this.count++}`;
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    this.initializers.push(
      floats(name, shape, randomTensor(shape, this.seed++, 1.5 / Math.sqrt(fan)).data as Float32Array),
    );
    return name;
  }

  /** A constant vector of integers. */
  ints(...values: number[]): string {
    const name = `i${this.count++}`;
    this.initializers.push(encodeTensor(name, "int64", [values.length], BigInt64Array.from(values, BigInt)));
    return name;
  }

  /** A constant integer of no dimension. */
  int(value: number): string {
    const name = `i${this.count++}`;
    this.initializers.push(encodeTensor(name, "int64", [], BigInt64Array.of(BigInt(value))));
    return name;
  }

  /** A constant vector of floats. */
  floats(...values: number[]): string {
    const name = `f${this.count++}`;
    this.initializers.push(floats(name, [values.length], values));
    return name;
  }

  scalar(value: number): string {
    const name = `s${this.count++}`;
    this.initializers.push(floats(name, [], [value]));
    return name;
  }

  conv(x: string, from: number, to: number, { kernel = 3, group = 1, bias = true } = {}): string {
    const inputs = [x, this.weight(to, from / group, kernel, kernel), ...(bias ? [this.weight(to)] : [])];
    const pad = (kernel - 1) / 2;
    return this.node("Conv", inputs, { pads: [pad, pad, pad, pad], group, kernel_shape: [kernel, kernel] });
  }

  linear(x: string, from: number, to: number): string {
    return this.node("Add", [this.node("MatMul", [x, this.weight(from, to)]), this.weight(to)]);
  }

  gemm(x: string, from: number, to: number): string {
    return this.node("Gemm", [x, this.weight(to, from), this.weight(to)], { transB: 1 });
  }

  norm(x: string, channels: number): string {
    const variance = `v${this.count++}`;
    this.initializers.push(
      floats(
        variance,
        [channels],
        Float32Array.from({ length: channels }, (_, i) => 1 + (i % 3)),
      ),
    );
    return this.node("BatchNormalization", [
      x,
      this.weight(channels),
      this.weight(channels),
      this.weight(channels),
      variance,
    ]);
  }

  /** The model that makes `outputs` of `inputs`. */
  model(inputs: NonNullable<GraphSpec["inputs"]>, outputs: string[], opset = 17): ModelProto {
    const { nodes, initializers } = this;
    return buildModel({ nodes, initializers, inputs, outputs }, opset);
  }
}

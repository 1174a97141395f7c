import type { TensorProto } from "../../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../../lib/onnx/tensor-proto.js";
import { buildModel, floats, type GraphSpec, type NodeSpec } from "./build-model.js";

type Stored = "uint8" | "int8" | "uint16";
export const ARRAYS = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int32: Int32Array } as const;

/** A graph that grows by quantized tensors, as any tool writes them. */
export class Quantized {
  readonly nodes: NodeSpec[] = [];
  readonly initializers: TensorProto[] = [];

  /** Rounds a tensor to integers and back under another name. */
  pair(tensor: string, name: string, dtype: Stored = "uint8", scales: number[] = [0.02], zero = 3): this {
    const parameters = [`${name}_s`, `${name}_z`];
    this.parameters(name, dtype, scales, zero);
    const axis = scales.length > 1 ? { attributes: { axis: 1 } } : {};
    this.nodes.push(
      { op: "QuantizeLinear", in: [tensor, ...parameters], out: [`${name}_q`], ...axis },
      { op: "DequantizeLinear", in: [`${name}_q`, ...parameters], out: [name], ...axis },
    );
    return this;
  }

  /** Stored integers and what brings them back. */
  stored(name: string, shape: number[], dtype: Stored | "int32" = "int8", value = 1): this {
    const count = shape.reduce((a, b) => a * b, 1);
    this.parameters(name, dtype, [dtype === "int32" ? 0.0002 : 0.01], 0);
    this.initializers.push(encodeTensor(`${name}_q`, dtype, shape, new ARRAYS[dtype](count).fill(value)));
    this.nodes.push({ op: "DequantizeLinear", in: [`${name}_q`, `${name}_s`, `${name}_z`], out: [name] });
    return this;
  }

  node(op: string, inputs: string[], output: string, attributes: NodeSpec["attributes"] = {}): this {
    this.nodes.push({
      op,
      name: op === "Tanh" || op === "Nonsense" ? "other" : "it",
      in: inputs,
      out: [output],
      attributes,
    });
    return this;
  }

  model(inputs: GraphSpec["inputs"], outputs: string[], opset = 17) {
    return buildModel(
      { nodes: this.nodes, initializers: this.initializers, inputs: inputs!, outputs },
      opset,
    );
  }

  private parameters(name: string, dtype: Stored | "int32", scales: number[], zero: number): void {
    const shape = scales.length > 1 ? [scales.length] : [];
    const zeros = new ARRAYS[dtype](scales.length).fill(zero);
    this.initializers.push(
      floats(`${name}_s`, shape, scales),
      encodeTensor(`${name}_z`, dtype, shape, zeros),
    );
  }
}

export const image = { x: [1, 3, 4, 4] };
export const conv = (bias: string[] = []) =>
  new Quantized()
    .pair("x", "xd")
    .stored("w", [4, 3, 1, 1])
    .node("Conv", ["xd", "w", ...bias], "y");
export const product = (op: "MatMul" | "Gemm", inputs: string[] = []) =>
  new Quantized()
    .pair("x", "xd")
    .stored("w", [8, 8])
    .node(op, ["xd", "w", ...inputs], "y");
export const flat = { x: [8, 8] };

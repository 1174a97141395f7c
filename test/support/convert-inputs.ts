import { writeFileSync } from "node:fs";
import { float32ToBfloat16, float32ToFloat16, type Tensor } from "../../lib/index.js";
import { encodeTensor } from "../../lib/onnx/tensor-proto.js";
import { buildModel, modelFile } from "./build-model.js";

/** Values of many magnitudes and both signs. */
export function matrix(rows: number, columns: number, scale = 1): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(i) * scale));
}

/** Every type that ONNX can carry and safetensors, in one way or the other, too. */
export function manyTypes(): Record<string, Tensor> {
  const floats = matrix(4, 32);
  return {
    w: { dtype: "float32", shape: [4, 32], data: floats },
    half: { dtype: "float16", shape: [128], data: float32ToFloat16(floats) },
    brain: { dtype: "bfloat16", shape: [2, 64], data: float32ToBfloat16(floats) },
    wide: { dtype: "float64", shape: [2], data: Float64Array.of(0.1, -2) },
    scalar: { dtype: "float32", shape: [], data: Float32Array.of(3) },
    none: { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
    ids: { dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
    flags: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
    nibbles: { dtype: "int4", shape: [3, 3], data: Uint8Array.of(0x21, 0x43, 0x65, 0x87, 0x09) },
    odd: { dtype: "float4e2m1", shape: [3], data: Uint8Array.of(0x21, 0x03) },
    tiny: { dtype: "float8e4m3fn", shape: [2], data: Uint8Array.of(0x38, 0x7e) },
  };
}

/** Writes a model whose initializers these are, and returns its path. */
export function onnxFile(path: string, tensors: Record<string, Tensor>): string {
  const initializers = Object.entries(tensors).map(([key, { dtype, shape, data }]) =>
    encodeTensor(key, dtype, shape, data),
  );
  writeFileSync(path, modelFile(buildModel({ nodes: [], initializers }, 21)));
  return path;
}

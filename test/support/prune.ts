import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOnnx } from "../../lib/index.js";
import type { TensorProto } from "../../lib/onnx/proto/onnx_pb.js";
import { buildModel, floats, type GraphSpec, modelFile } from "./build-model.js";
import { randomTensor } from "./quantize-built.js";

export function weight(name: string, shape: number[], seed: number, scale = 1): TensorProto {
  return floats(name, shape, randomTensor(shape, seed, scale).data as Float32Array);
}

/** A convolution, a product and a Gemm, with what is not to be pruned. */
export const network: GraphSpec = {
  nodes: [
    { op: "Conv", name: "/conv", in: ["x", "c", "cb"], out: ["h"] },
    { op: "Flatten", in: ["h"], out: ["f"] },
    { op: "MatMul", name: "/mid", in: ["f", "m"], out: ["i"] },
    { op: "LayerNormalization", in: ["i", "scale"], out: ["n"] },
    { op: "Gemm", name: "/last", in: ["n", "g", "gb"], out: ["y"], attributes: { transB: 1 } },
  ],
  initializers: [
    weight("c", [16, 8, 3, 3], 1),
    weight("cb", [16], 2),
    weight("m", [64, 32], 3, 0.5),
    weight("scale", [32], 4),
    weight("g", [12, 32], 5, 2),
    weight("gb", [12], 6),
  ],
  inputs: { x: [1, 8, 4, 4] },
  outputs: ["y"],
};

/** Writes a model of a spec into a folder. */
export function writeModel(folder: string, name: string, spec: GraphSpec): string {
  const path = join(folder, name);
  writeFileSync(path, modelFile(buildModel(spec)));
  return path;
}

/** Copies of the initializers of a model. */
export function valuesOf(path: string): Record<string, Float32Array> {
  const model = readOnnx(path);
  const values = Object.fromEntries(
    [...model.tensors].map(([name, { data }]) => [name, (data as Float32Array).slice()]),
  );
  model.close();
  return values;
}

export function zerosIn(values: ArrayLike<number>): number {
  return Array.from(values).reduce((count, value) => count + Number(value === 0), 0);
}

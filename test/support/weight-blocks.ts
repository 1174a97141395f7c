// Models whose weights the tests quantize in blocks, and what these blocks have to be.
import {
  type BlockwiseArrays,
  fitBlockwise,
  type QuantizeBlockwiseOptions,
  quantizeBlockwise,
} from "../../lib/index.js";
import type { NodeProto } from "../../lib/onnx/proto/onnx_pb.js";
import { floats, type GraphSpec } from "./build-model.js";
import { randomTensor } from "./quantize-built.js";

export const weight = (name: string, shape: number[], seed: number) =>
  floats(name, shape, randomTensor(shape, seed).data as Float32Array);
export const valuesOf = (shape: number[], seed: number) => randomTensor(shape, seed).data as Float32Array;

/** A product that is not the last layer, and the last layer, a Gemm as linear layers are exported. */
export const twoLayers = (rows: number, cols: number): GraphSpec => ({
  nodes: [
    { op: "MatMul", name: "first", in: ["x", "w"], out: ["h"] },
    { op: "Relu", in: ["h"], out: ["r"] },
    { op: "Gemm", name: "head", in: ["r", "v", "b"], out: ["y"], attributes: { transB: 1 } },
  ],
  initializers: [weight("w", [rows, cols], 1), weight("v", [10, cols], 2), weight("b", [10], 3)],
  inputs: { x: ["n", rows] },
  outputs: ["y"],
});

export function attributes({ attribute }: NodeProto): Record<string, number> {
  return Object.fromEntries(attribute.map(({ name, i }) => [name, Number(i)]));
}

/** What the operations on arrays make of a weight. */
export function blocksOf(
  w: Float32Array,
  options: QuantizeBlockwiseOptions & { fitScales?: boolean },
): BlockwiseArrays {
  const arrays = quantizeBlockwise(w, options);
  const fits = options.bits !== 8 && options.fitScales !== false;
  return fits ? fitBlockwise(w, { ...options, ...arrays }) : arrays;
}

import { describe, expect, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, floats, type GraphSpec, type NodeSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, quantizeBuilt, randomTensor, sqnrDb } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed = name.length, scale = 0.5) =>
  floats(name, shape, randomTensor(shape, seed, scale).data as Float32Array);
const product = (a: string, b: string, output: string): NodeSpec => ({
  op: "MatMul",
  in: [a, b],
  out: [output],
});

/** A layer whose output another product reads. */
interface Layer {
  input: number[];
  spec: GraphSpec;
  options?: QuantizeOptions;
}

function gemm(attributes: NodeSpec["attributes"] & {}, bias: number[] | undefined): Layer {
  const transposed = (name: string, shape: number[]) => (attributes[name] ? shape.toReversed() : shape);
  const input = transposed("transA", [4, 16]);
  return {
    input,
    spec: {
      nodes: [
        { op: "Gemm", in: ["x", "w", ...(bias ? ["bias"] : [])], out: ["h"], attributes },
        product("h", "next", "y"),
      ],
      initializers: [
        weight("w", transposed("transB", [16, 24])),
        ...(bias ? [weight("bias", bias)] : []),
        weight("next", [24, 16]),
      ],
      inputs: { x: input },
      outputs: ["y"],
    },
  };
}

function conv(
  input: number[],
  kernel: number[],
  attributes: NodeSpec["attributes"] & {} = {},
  { op = "Conv", bias = true, ...options }: QuantizeOptions & { op?: string; bias?: boolean } = {},
): Layer {
  const groups = (attributes.group as number | undefined) ?? 1;
  const channels = op === "Conv" ? kernel[0]! : kernel[1]! * groups;
  const pointwise = [8, channels, ...kernel.slice(2).map(() => 1)];
  return {
    input,
    options,
    spec: {
      nodes: [
        { op, in: ["x", "w", ...(bias ? ["bias"] : [])], out: ["h"], attributes },
        { op: "Relu", in: ["h"], out: ["r"] },
        { op: "Conv", in: ["r", "next"], out: ["y"] },
      ],
      initializers: [
        weight("w", kernel),
        ...(bias ? [weight("bias", [channels])] : []),
        weight("next", pointwise),
      ],
      inputs: { x: ["n", ...input.slice(1)] },
      outputs: ["y"],
    },
  };
}

function matmul(input: number[], nodes: NodeSpec[], initializers: GraphSpec["initializers"] & {}): Layer {
  return { input, spec: { nodes, initializers, inputs: { x: input }, outputs: ["y"] } };
}

const half = { float: 0.5 };
const asked = { op: "ConvTranspose", opTypes: ["Conv", "ConvTranspose"] };
const rows = new Float32Array(16 * 24).map((_, i) => (i % 24 < 12 ? 0 : Math.sin(i)));

describe("every form of a layer gives nearly what it gave in float, in every mode", () => {
  test.each<[string, Layer]>([
    ["Gemm that transposes its input", gemm({ transA: 1 }, [24])],
    ["Gemm that transposes both", gemm({ transA: 1, transB: 1 }, [1, 24])],
    ["Gemm with alpha and beta", gemm({ alpha: half, beta: { float: 2 } }, [24])],
    ["Gemm with beta 0", gemm({ beta: { float: 0 } }, [24])],
    ["Gemm with a matrix for a bias", gemm({}, [4, 24])],
    ["Gemm with a column for a bias", gemm({}, [4, 1])],
    ["Gemm with a single value for a bias", gemm({ transB: 1 }, [])],
    ["Gemm without bias", gemm({ alpha: half, transB: 1 }, undefined)],
    ["Conv without bias", conv([1, 4, 6, 6], [16, 4, 3, 3], {}, { bias: false })],
    ["Conv in groups", conv([1, 8, 6, 6], [16, 4, 3, 3], { group: 2 })],
    ["depthwise Conv", conv([1, 16, 6, 6], [16, 1, 3, 3], { group: 16 })],
    ["Conv of one dimension", conv([1, 4, 16], [16, 4, 5], { strides: [2] })],
    ["Conv of three dimensions", conv([1, 4, 4, 4, 4], [8, 4, 3, 3, 3])],
    [
      "Conv with automatic padding",
      conv([1, 4, 7, 7], [16, 4, 3, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }),
    ],
    ["dilated Conv", conv([1, 4, 9, 9], [16, 4, 3, 3], { dilations: [2, 2] })],
    ["ConvTranspose", conv([1, 4, 5, 5], [4, 16, 3, 3], { strides: [2, 2] }, asked)],
    ["ConvTranspose in groups", conv([1, 4, 5, 5], [4, 8, 3, 3], { group: 2 }, asked)],
    ["ConvTranspose left in float", conv([1, 4, 8], [4, 16, 3], {}, { op: "ConvTranspose", bias: false })],
    [
      "MatMul with a constant on the left",
      matmul(
        [4, 16],
        [product("w", "x", "h"), product("h", "next", "y")],
        [weight("w", [8, 4]), weight("next", [16, 16])],
      ),
    ],
    [
      "MatMul with a matrix for each of a batch",
      matmul(
        [2, 4, 16],
        [product("x", "w", "h"), product("h", "next", "y")],
        [weight("w", [2, 16, 16]), weight("next", [16, 16])],
      ),
    ],
    [
      "MatMul of a tensor with itself",
      matmul([16, 16], [product("x", "x", "h"), product("h", "next", "y")], [weight("next", [16, 16])]),
    ],
    [
      "MatMul of a vector",
      matmul(
        [16],
        [product("x", "w", "h"), product("h", "next", "y")],
        [weight("w", [16, 16]), weight("next", [16, 16])],
      ),
    ],
    [
      "MatMul with columns of zeros",
      matmul(
        [4, 16],
        [product("x", "w", "h"), product("h", "next", "y")],
        [floats("w", [16, 24], rows), weight("next", [24, 16])],
      ),
    ],
  ])("%s", async (name, { input, spec, options = {} }) => {
    const x = [1, 2].map((seed) => randomTensor(input, seed));
    for (const mode of ["static", "dynamic", "weights"] as const) {
      const samples = mode === "static" ? x.map((each) => ({ x: each })) : [];
      // Small weights gain nothing by themselves.
      const made = await quantizeBuilt(folder, `${mode}-${name}`, buildModel(spec), samples, {
        mode,
        ...(mode === "static" && options),
      }).catch((error) => {
        if (mode !== "weights" || error.code !== "NOTHING_TO_QUANTIZE") throw error;
      });
      if (!made) continue;
      const feeds: Record<string, Tensor> = { x: x[1]! };
      expect(sqnrDb(await run(made.input, feeds), await run(made.output, feeds)), mode).toBeGreaterThan(25);
    }
  });
});

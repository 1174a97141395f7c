import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { smoothActivations } from "../lib/compress/repair/smooth-activations.js";
import { quantizeModel } from "../lib/index.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { models, run } = modelProcess();

const random = (name: string, shape: number[], seed: number) =>
  floats(name, shape, randomTensor(shape, seed).data as Float32Array);
/** Channels 1 and 6 are far larger than the others, as in large language models. */
const gamma = floats("gamma", [8], [1, 60, 0.8, 1.1, 0.9, 1, 90, 1.2]);
const beta = floats("beta", [8], [0.1, 5, -0.2, 0, 0.3, 0.1, -8, 0]);
const samples = Array.from({ length: 12 }, (_, i) => ({ x: randomTensor([1, 6, 8], 20 + i) }));

/** One normalization whose output two products read, of all shapes that weights come in. */
function transformer(change: Partial<GraphSpec> = {}): GraphSpec {
  return {
    nodes: [
      { op: "LayerNormalization", in: ["x", "gamma", "beta"], out: ["n"], name: "norm" },
      { op: "MatMul", in: ["n", "w1"], out: ["a"], name: "first" },
      { op: "MatMul", in: ["n", "w2"], out: ["b"], name: "second" },
    ],
    initializers: [gamma, beta, random("w1", [8, 5], 1), random("w2", [8, 3], 2)],
    inputs: { x: ["n", 6, 8] },
    outputs: ["a", "b"],
    ...change,
  };
}

/** The model before and after, run on a sample that calibration has not seen. */
async function smoothed(spec: GraphSpec, alpha = 0.5) {
  const model = openModel(buildModel(spec));
  const [before, after] = [join(folder, "before.onnx"), join(folder, "after.onnx")];
  await writeOnnx(before, model);
  const data = samples.map((feeds) => ({ feeds }));
  const tensors = await smoothActivations(models(), model, alpha, { data, folder });
  await writeOnnx(after, model);
  const x = randomTensor([1, 6, 8], 99);
  return { tensors, model: readOnnx(after), want: await run(before, { x }), got: await run(after, { x }) };
}

function channel(tensor: Tensor, index: number): number {
  return (tensor.data as Float32Array)[index]!;
}

describe("smoothing activations", () => {
  it("moves large channels from the normalization into the weights, and keeps what the model computes", async () => {
    const { tensors, model, want, got } = await smoothed(transformer());
    expect(tensors).toBe(1);
    for (const name of ["a", "b"]) expect(largestError(want[name]!, got[name]!)).toBeLessThan(1e-3);
    const scale = model.tensors.get("gamma")!;
    // A channel 90 times as large is then about the square root of that.
    expect(channel(scale, 6) / channel(scale, 0)).toBeLessThan(20);
    expect(channel(scale, 6) / channel(scale, 0)).toBeGreaterThan(3);
    expect(model.proto.graph!.node).toHaveLength(3);
  });

  it("moves more with a larger alpha", async () => {
    const spread = async (alpha: number) => {
      const scale = (await smoothed(transformer(), alpha)).model.tensors.get("gamma")!;
      return channel(scale, 6) / channel(scale, 0);
    };
    expect(await spread(0.8)).toBeLessThan(await spread(0.3));
  });

  it("divides in a node of its own where other nodes read the tensor", async () => {
    const { tensors, model, want, got } = await smoothed(transformer({ outputs: ["a", "b", "n"] }));
    expect(tensors).toBe(1);
    for (const name of ["a", "b", "n"]) expect(largestError(want[name]!, got[name]!)).toBeLessThan(1e-3);
    expect(model.proto.graph!.node.map(({ opType }) => opType).sort()).toEqual([
      "LayerNormalization",
      "MatMul",
      "MatMul",
      "Mul",
    ]);
  });

  it("sees a normalization in parts, and a Gemm with a transposed weight", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "Div", in: ["x", "two"], out: ["d"] },
        { op: "Mul", in: ["d", "gamma"], out: ["m"] },
        { op: "Add", in: ["beta", "m"], out: ["n"] },
        { op: "Shape", in: ["n"], out: ["shape"] },
        { op: "Gemm", in: ["n", "w"], out: ["a"], attributes: { transB: 1 } },
      ],
      initializers: [gamma, beta, floats("two", [1], [2]), random("w", [5, 8], 4)],
      inputs: { x: [6, 8] },
      outputs: ["a", "shape"],
    };
    const model = openModel(buildModel({ ...spec, outputs: ["a"] }));
    const path = join(folder, "parts.onnx");
    await writeOnnx(path, model);
    const data = samples.map(({ x }) => ({ feeds: { x: { ...x, shape: [6, 8] } } }));
    expect(await smoothActivations(models(), model, 0.5, { data, folder })).toBe(1);
    const after = join(folder, "parts-after.onnx");
    await writeOnnx(after, model);
    const x = randomTensor([6, 8], 99);
    expect(largestError((await run(path, { x })).a!, (await run(after, { x })).a!)).toBeLessThan(1e-3);
    expect(channel(readOnnx(after).tensors.get("gamma")!, 6)).toBeLessThan(45);
  });

  it.each<[string, Partial<GraphSpec>]>([
    [
      "a weight that another node reads too",
      {
        nodes: [
          { op: "LayerNormalization", in: ["x", "gamma", "beta"], out: ["n"] },
          { op: "MatMul", in: ["n", "w1"], out: ["a"] },
          { op: "Neg", in: ["w1"], out: ["b"] },
        ],
      },
    ],
    [
      "a normalization over two axes",
      {
        nodes: [
          { op: "LayerNormalization", in: ["x", "wide"], out: ["n"], attributes: { axis: 1 } },
          { op: "MatMul", in: ["n", "w1"], out: ["a"] },
          { op: "MatMul", in: ["n", "w2"], out: ["b"] },
        ],
        initializers: [random("wide", [6, 8], 3), random("w1", [8, 5], 1), random("w2", [8, 3], 2)],
      },
    ],
    [
      "a normalization in parts of which one is an output",
      {
        nodes: [
          { op: "Div", in: ["x", "two"], out: ["d"] },
          { op: "Mul", in: ["d", "gamma"], out: ["a"] },
          { op: "Add", in: ["a", "beta"], out: ["n"] },
          { op: "MatMul", in: ["n", "w1"], out: ["b"] },
        ],
        initializers: [gamma, beta, floats("two", [1], [2]), random("w1", [8, 5], 1)],
      },
    ],
  ])("leaves %s alone", async (_, change) => {
    const { tensors, want, got } = await smoothed(transformer(change));
    expect(tensors).toBe(0);
    for (const name of ["a", "b"]) expect(largestError(want[name]!, got[name]!)).toBe(0);
  });

  it("makes int8 nearer to float where channels are far apart", async () => {
    const x = randomTensor([1, 6, 8], 99);
    const error = async (smooth: boolean) => {
      const { input, output } = await quantizeBuilt(
        folder,
        `smooth-${smooth}`,
        buildModel(transformer()),
        samples,
        {
          smooth,
          keepFloat: false,
        },
      );
      const [want, got] = [(await run(input, { x })).a!, (await run(output, { x })).a!];
      return Math.hypot(...(want.data as Float32Array).map((v, i) => v - (got.data as Float32Array)[i]!));
    };
    expect(await error(true)).toBeLessThan(0.7 * (await error(false)));
  });

  it("finds every normalization of a transformer, and is told of in the result", async () => {
    const data = calibrationSamples().slice(0, 16);
    const options = { data, smooth: 0.5 } as const;
    const { repairs } = await quantizeModel(carried("digits_vit.onnx"), options);
    expect(repairs).toEqual(["moved large channels of 8 normalized tensors into the weights behind them"]);
  });

  it("refuses a share that is none", async () => {
    for (const smooth of [0, 1, -1, Number.NaN])
      await expect(quantizeModel(carried("digits_vit.onnx"), { smooth })).rejects.toThrow(RangeError);
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { equalizeLayers } from "../lib/compress/repair/equalize-layers.js";
import { channelPairs } from "../lib/graph/channel-pairs.js";
import { Graph } from "../lib/graph/graph.js";
import { compareModels, quantizeModel } from "../lib/index.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();
const skewed = carried("digits_dw_skewed.onnx");

describe("a model with channels of very different width", () => {
  it("is seen and repaired by default: plain ranges lose it, equalized ones do not", async () => {
    const accuracy = async (equalize: "auto" | false) => {
      const output = join(folder, `${equalize}.onnx`);
      const { repairs } = await quantizeModel(skewed, {
        data: calibrationSamples(),
        perChannel: false,
        equalize,
        output,
      });
      const { accuracy } = await compareModels(skewed, output, { data: testSamples(), latency: false });
      return { repairs, correct: accuracy!.correct.candidate };
    };
    expect(await accuracy(false)).toEqual({ repairs: [], correct: expect.toSatisfy((n: number) => n < 200) });
    const repaired = await accuracy("auto");
    expect(repaired.correct).toBeGreaterThanOrEqual(788);
    expect(repaired.repairs).toEqual([
      expect.stringMatching(/^equalized 11 pairs of layers: .* 110\.5 times/),
    ]);
  });

  it("computes the same function afterwards", async () => {
    const model = readOnnx(skewed);
    const { pairs, spread } = equalizeLayers(model, 8);
    expect(pairs).toBe(11);
    expect(spread.after).toBeLessThan(2);
    const path = join(folder, "equalized.onnx");
    await writeOnnx(path, model);
    const { outputs, agreement } = await compareModels(skewed, path, { data: testSamples(), latency: false });
    expect(agreement).toBe(1);
    expect(outputs[0]!.sqnrDb).toBeGreaterThan(100);
  });
});

it("other models are left alone", () => {
  for (const name of ["digits_cnn", "digits_dw", "digits_vit"])
    expect(equalizeLayers(readOnnx(carried(`${name}.onnx`)), 8).pairs).toBe(0);
});

describe("pairs of layers", () => {
  const gemm = (name: string, input: string, output: string, transB: number) => ({
    op: "Gemm",
    in: [input, `${name}.w`, `${name}.b`],
    out: [output],
    attributes: { transB },
  });
  const conv = (name: string, input: string, output: string, group = 1) => ({
    op: "Conv",
    in: [input, `${name}.w`, `${name}.b`],
    out: [output],
    attributes: { kernel_shape: [3, 3], group },
  });
  const values = (shape: number[], seed: number) => randomTensor(shape, seed).data as Float32Array;
  /** Convolutions, a depthwise one, pooling, Flatten and two Gemm of both kinds, with one wide channel. */
  const spec: GraphSpec = {
    nodes: [
      conv("a", "x", "a1"),
      { op: "LeakyRelu", in: ["a1"], out: ["a2"] },
      conv("b", "a2", "b1", 4),
      { op: "Relu", in: ["b1"], out: ["b2"] },
      { op: "MaxPool", in: ["b2"], out: ["b3"], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
      { op: "Flatten", in: ["b3"], out: ["b4"] },
      gemm("c", "b4", "c1", 0),
      { op: "Relu", in: ["c1"], out: ["c2"] },
      gemm("d", "c2", "y", 1),
    ],
    initializers: [
      floats(
        "a.w",
        [4, 2, 3, 3],
        values([72], 1).map((v, i) => (i < 18 ? v * 100 : v)),
      ),
      floats("a.b", [4], values([4], 2)),
      floats("b.w", [4, 1, 3, 3], values([36], 3)),
      floats("b.b", [4], values([4], 4)),
      floats("c.w", [64, 5], values([320], 5)),
      floats("c.b", [5], values([5], 6)),
      floats("d.w", [3, 5], values([15], 7)),
      floats("d.b", [3], values([3], 8)),
    ],
    inputs: { x: ["n", 2, 12, 12] },
    outputs: ["y"],
  };

  it("are found through operators that keep channels, and rescaling keeps the outputs", async () => {
    const model = openModel(buildModel(spec));
    const pairs = channelPairs(new Graph(model));
    expect(
      pairs.map(({ made, read }) => [made.weight, read.weight, read.outer, read.channels, read.inner]),
    ).toEqual([
      ["a.w", "b.w", 1, 4, 9],
      ["b.w", "c.w", 1, 4, 80],
      ["c.w", "d.w", 3, 5, 1],
    ]);
    const x = randomTensor([3, 2, 12, 12], 9);
    const [before, after] = [join(folder, "before.onnx"), join(folder, "after.onnx")];
    await writeOnnx(before, model);
    expect(equalizeLayers(model, 8).pairs).toBe(3);
    await writeOnnx(after, model);
    const want = (await run(before, { x })).y!;
    expect(largestError(want, (await run(after, { x })).y!)).toBeLessThan(1e-2);
    expect(Math.max(...(want.data as Float32Array).map(Math.abs))).toBeGreaterThan(100);
  });

  it.each<[string, (spec: GraphSpec) => GraphSpec]>([
    [
      "an operator that is not homogeneous",
      (s) => ({ ...s, nodes: s.nodes.map((n) => (n.out[0] === "c2" ? { ...n, op: "Sigmoid" } : n)) }),
    ],
    ["a second reader", (s) => ({ ...s, outputs: ["y", "c2"] })],
    [
      "a shared weight",
      (s) => ({ ...s, nodes: [...s.nodes, { op: "Neg", in: ["d.w"], out: ["z"] }], outputs: ["y", "z"] }),
    ],
  ])("end at %s", (_, change) => {
    const pairs = channelPairs(new Graph(openModel(buildModel(change(spec)))));
    expect(pairs.map(({ made }) => made.weight)).toEqual(["a.w", "b.w"]);
  });
});

import { describe, expect, it } from "vitest";
import type { LayerInput } from "../lib/calibrate/layer-input.js";
import type { LayerStatistics } from "../lib/calibrate/layer-statistics.js";
import type { Anchor } from "../lib/compress/anchors.js";
import { collectStatistics } from "../lib/compress/collect-statistics.js";
import { layerInputOf } from "../lib/compress/layer-input.js";
import { biasStep } from "../lib/compress/quantize-bias.js";
import { roundLayer } from "../lib/compress/repair/round-layer.js";
import { type WeightRows, weightRows } from "../lib/compress/repair/weight-rows.js";
import { nameOf, selectNodes } from "../lib/compress/select-nodes.js";
import { Graph } from "../lib/graph/graph.js";
import { type QuantizeOptions, quantizeModel } from "../lib/index.js";
import { minMax } from "../lib/minmax/min-max.js";
import { readOnnx } from "../lib/onnx/read.js";
import { dequantizeLinear } from "../lib/quantize/dequantize-linear.js";
import { quantizeLinear } from "../lib/quantize/quantize-linear.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { models, run } = modelProcess();

/** Sum over outputs of e G e^T: the squared error of a layer's outputs over the rows that G was made of. */
function outputError({ values, columns }: WeightRows, rounded: Float32Array, gram: Float64Array): number {
  const errors = values.map((value, i) => value - rounded[i]!);
  let total = 0;
  for (let from = 0; from < errors.length; from += columns)
    for (let i = 0; i < columns; i++)
      for (let j = i; j < columns; j++)
        total += (i === j ? 1 : 2) * errors[from + i]! * errors[from + j]! * gram[i * columns + j]!;
  return total;
}

describe("compensated rounding", () => {
  it("loses less of every layer's outputs than rounding to nearest, on images it has not seen", async () => {
    const graph = new Graph(readOnnx(carried("digits_vit.onnx")));
    const anchors = new Map<string, Anchor>();
    const inputs = new Map<string, LayerInput>();
    for (const anchor of selectNodes(graph, () => undefined).anchors.values()) {
      const input = layerInputOf(graph, anchor);
      if (input) inputs.set(nameOf(anchor.node), input);
      anchors.set(nameOf(anchor.node), anchor);
    }
    const statistics = async (data: ReturnType<typeof testSamples>) => {
      const found = new Map<string, LayerStatistics>();
      const options = { data, folder, gram: true };
      for await (const [layer, each] of collectStatistics(models(), graph.model, inputs, options))
        found.set(layer, each);
      return found;
    };
    const seen = await statistics(calibrationSamples().slice(0, 64));
    const unseen = await statistics(testSamples().slice(0, 64));
    expect(seen.size).toBeGreaterThanOrEqual(20);
    for (const largest of [127, 7]) {
      const ratios = [...seen].map(([layer, products]) => {
        const rows = weightRows(graph, anchors.get(layer)!);
        const { outputs, columns } = rows;
        const { min, max } = minMax(rows.values, { shape: [outputs, columns], axis: 0 });
        const scales = max.map((value, i) => Math.max(value, -min[i]!) / largest);
        const zeroPoints = new Int32Array(outputs);
        const params = { scale: scales, shape: [outputs, columns], axis: 0 };
        const grid = { scales, zeroPoints, min: -largest, max: largest };
        const steps = roundLayer(rows.values, columns, products, grid);
        const nearest = quantizeLinear(rows.values, { ...params, dtype: "int8" });
        const after = unseen.get(layer)!.gram;
        return (
          outputError(rows, dequantizeLinear(steps, params), after) /
          outputError(rows, dequantizeLinear(nearest, params), after)
        );
      });
      expect(Math.max(...ratios)).toBeLessThan(1);
      expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThan(0.6);
    }
  });

  it("leaves a weight alone that two nodes read", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "MatMul", in: ["x", "shared"], out: ["a"], name: "first" },
        { op: "Relu", in: ["a"], out: ["b"] },
        { op: "MatMul", in: ["b", "shared"], out: ["y"], name: "second" },
      ],
      initializers: [floats("shared", [8, 8], randomTensor([64], 3).data as Float32Array)],
      inputs: { x: ["n", 8] },
      outputs: ["y"],
    };
    const samples = [{ x: randomTensor([40, 8], 4) }];
    const [plain, compensated] = await Promise.all(
      (["nearest", "compensated"] as const).map((rounding) =>
        quantizeBuilt(folder, rounding, buildModel(spec), samples, { rounding }),
      ),
    );
    const steps = ({ output }: { output: string }) => readOnnx(output).tensors.get("shared_quantized")!.data;
    expect(steps(compensated!)).toEqual(steps(plain!));
    expect(compensated!.repairs).toEqual([]);
  });
});

it("says which switches do nothing in the mode that was chosen", async () => {
  const data = calibrationSamples().slice(0, 4);
  const warnings = async (options: QuantizeOptions) =>
    (await quantizeModel(carried("digits_vit.onnx"), { data, ...options })).warnings.filter((warning) =>
      warning.startsWith("no effect"),
    );
  const all = { rounding: "compensated", correctBias: "empirical", smooth: true } as const;
  expect(await warnings({ ...all, mode: "dynamic" })).toEqual([
    "no effect in mode dynamic: data, rounding, correctBias, smooth",
  ]);
  const types = { format: "qoperator", activations: "int8", symmetric: true, keepIo: false } as const;
  expect(await warnings({ ...types, mode: "weights", data: undefined })).toEqual([
    "no effect in mode weights: format, activations, symmetric, keepIo",
  ]);
  expect(await warnings({ mode: "float16", data: undefined, weights: "int8", equalize: true })).toEqual([
    "no effect in mode float16: weights, equalize",
  ]);
  expect(await warnings({ ...all, bits: 4 })).toEqual(["no effect in mode weights: correctBias, smooth"]);
  expect(
    await warnings({ mode: "dynamic", data: undefined, rounding: "nearest", correctBias: false }),
  ).toEqual([]);
  expect(await warnings({ ...types, keepIo: true })).toEqual([]);
});

describe("bias correction", () => {
  it("ends where int32 does", () => {
    expect([2 ** 31, -(2 ** 31) - 1, 2.5].map(biasStep)).toEqual([2 ** 31 - 1, -(2 ** 31), 2]);
  });

  const values = (shape: number[], seed: number) =>
    floats(`w${seed}`, shape, randomTensor(shape, seed).data as Float32Array);
  /** A convolution without a bias, a Gemm with one value as its bias, and a MatMul with an Add behind it. */
  const spec: GraphSpec = {
    nodes: [
      { op: "Conv", in: ["x", "w1"], out: ["c1"], name: "conv", attributes: { pads: [1, 1, 1, 1] } },
      { op: "Flatten", in: ["c1"], out: ["c2"] },
      { op: "Gemm", in: ["c2", "w2", "one"], out: ["g1"], name: "gemm" },
      { op: "MatMul", in: ["g1", "w3"], out: ["m1"], name: "matmul" },
      { op: "Add", in: ["w4", "m1"], out: ["y"] },
    ],
    initializers: [
      values([4, 2, 3, 3], 1),
      values([4 * 16, 24], 2),
      values([24, 5], 3),
      values([5], 4),
      floats("one", [1], [0.25]),
    ],
    inputs: { x: ["n", 2, 4, 4] },
    outputs: ["y", "g1"],
  };
  // Values that are mostly above 0, and a coarse range: rounding then shifts means.
  const samples = Array.from({ length: 20 }, (_, i) => {
    const x = randomTensor([1, 2, 4, 4], 10 + i);
    return { x: { ...x, data: (x.data as Float32Array).map((v) => v * v + 0.3) } as Tensor };
  });

  it("brings the means of every layer's outputs back to what they were in float", async () => {
    const model = buildModel(spec);
    const shift = async (correctBias: "analytical" | "empirical" | false) => {
      // As it is: onnxruntime would make a Gemm of the MatMul and its Add.
      const options = { correctBias, perChannel: false, reduceRange: true, prepare: false };
      const { input, output, repairs } = await quantizeBuilt(
        folder,
        `bias-${correctBias}`,
        model,
        samples,
        options,
      );
      const sums = { y: new Float64Array(5), g1: new Float64Array(24) };
      for (const feeds of samples) {
        const [want, got] = [await run(input, feeds), await run(output, feeds)];
        for (const [name, sum] of Object.entries(sums))
          for (let i = 0; i < sum.length; i++)
            sum[i]! +=
              ((got[name]!.data as Float32Array)[i]! - (want[name]!.data as Float32Array)[i]!) /
              samples.length;
      }
      const worst = (sum: Float64Array) => Math.max(...sum.map(Math.abs));
      return { y: worst(sums.y), g1: worst(sums.g1), repairs };
    };
    const [before, after] = [await shift(false), await shift("analytical")];
    const measured = await shift("empirical");
    expect(before.repairs).toEqual([]);
    expect(after.repairs).toEqual([expect.stringMatching(/^corrected the biases of 3 layers/)]);
    expect(after.g1).toBeLessThan(0.5 * before.g1);
    expect(after.y).toBeLessThan(0.7 * before.y);
    expect(measured.repairs).toEqual(after.repairs);
    expect(measured.g1).toBeLessThan(0.3 * before.g1);
    expect(measured.y).toBeLessThan(0.3 * before.y);
  });

  it("measures a layer whose clamp was merged before that clamp, and biases left in float", async () => {
    const merged: GraphSpec = {
      nodes: [
        { op: "Conv", in: ["x", "w1", "b"], out: ["c"], name: "conv", attributes: { pads: [1, 1, 1, 1] } },
        { op: "Relu", in: ["c"], out: ["r"] },
        { op: "Conv", in: ["r", "w2"], out: ["y"], name: "last" },
      ],
      initializers: [values([4, 2, 3, 3], 1), floats("b", [4], [-0.5, 0.5, 0, 1]), values([3, 4, 2, 2], 2)],
      inputs: { x: ["n", 2, 4, 4] },
      outputs: ["y"],
    };
    for (const quantizeBias of [true, false]) {
      const shift = async (correctBias: "empirical" | false) => {
        const options = { correctBias, quantizeBias, perChannel: false, reduceRange: true };
        const name = `merged-${correctBias}-${quantizeBias}`;
        const { input, output, nodes } = await quantizeBuilt(
          folder,
          name,
          buildModel(merged),
          samples,
          options,
        );
        expect(nodes.filter(({ treatment }) => treatment === "merged")).toHaveLength(1);
        const sums = new Float64Array(3);
        for (const feeds of samples) {
          const [want, got] = [(await run(input, feeds)).y!, (await run(output, feeds)).y!];
          for (let i = 0; i < want.data.length; i++)
            sums[Math.floor(i / 9)]! += (got.data as Float32Array)[i]! - (want.data as Float32Array)[i]!;
        }
        return Math.max(...sums.map(Math.abs)) / (9 * samples.length);
      };
      expect(await shift("empirical")).toBeLessThan(0.4 * (await shift(false)));
    }
  });

  it("gives the Conv a bias, spreads that of the Gemm, and changes the constant behind the MatMul", async () => {
    const { model } = await quantizeBuilt(folder, "biases", buildModel(spec), samples, {
      correctBias: "analytical",
      prepare: false,
    });
    const node = (name: string) => model.proto.graph!.node.find((each) => each.name === name)!;
    expect(node("conv").input).toHaveLength(3);
    expect(model.tensors.get("one_corrected_quantized")!.shape).toEqual([24]);
    const before = randomTensor([5], 4).data as Float32Array;
    const after = model.tensors.get("w4_corrected")!.data as Float32Array;
    expect(Math.max(...after.map((v, i) => Math.abs(v - before[i]!)))).toBeLessThan(0.3);
    expect(after).not.toEqual(before);
  });
});

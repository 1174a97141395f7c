import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { compareModels, inspectModel, quantizeModel } from "../lib/index.js";
import { readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { models } = modelProcess();

/** Operators that onnxruntime really runs after its own fusions. */
async function fusedOps(path: string): Promise<Record<string, number>> {
  const optimized = join(folder, "fused.onnx");
  await models().optimizeModelFile(path, optimized, "extended");
  return inspectModel(optimized).ops;
}

describe("on classifiers with labelled images", () => {
  test.each([
    ["digits_cnn", 0.32, 2, { QLinearConv: 4, QGemm: 2 }],
    ["digits_dw", 0.46, 3, { QLinearConv: 11, QLinearGlobalAveragePool: 1, QGemm: 1 }],
    ["digits_vit", 0.36, 3, { QLinearConv: 1, QGemm: 1, MatMulIntegerToFloat: 28, QLinearMatMul: 4 }],
  ])(
    "static int8 of %s is at most %f of the size, loses at most %i images, and runs in integer kernels",
    async (name, ratio, lost, integerOps) => {
      const output = join(folder, `${name}.onnx`);
      const result = await quantizeModel(carried(`${name}.onnx`), { output, data: calibrationSamples() });
      expect(result).toMatchObject({ mode: "static", samples: 256, warnings: [] });
      expect(result.size.after / result.size.before).toBeLessThanOrEqual(ratio);
      const { accuracy } = await compareModels(carried(`${name}.onnx`), output, {
        data: testSamples(),
        latency: false,
      });
      expect(accuracy!.correct.candidate).toBeGreaterThanOrEqual(accuracy!.correct.reference - lost);
      const ops = await fusedOps(output);
      const counts = Object.entries(ops).map(([op, count]) => [op.replace("com.microsoft.", ""), count]);
      expect(Object.fromEntries(counts)).toMatchObject(integerOps);
    },
  );

  it("without data stores weights in int8 that cost no time: onnxruntime folds them at load", async () => {
    const output = join(folder, "weights.onnx");
    const result = await quantizeModel(carried("digits_dw.onnx"), { output });
    expect(result.mode).toBe("weights");
    expect(result.size.after / result.size.before).toBeLessThan(0.34);
    const ops = await fusedOps(output);
    expect(Object.keys(ops)).not.toEqual(expect.arrayContaining(["Cast"]));
    expect(ops.Mul ?? 0).toBe(0);
    const { accuracy } = await compareModels(carried("digits_dw.onnx"), output, {
      data: testSamples(),
      latency: false,
    });
    expect(accuracy!.correct.candidate).toBeGreaterThanOrEqual(accuracy!.correct.reference - 3);
  });

  it("without data makes matrix products dynamic and spares the convolution its slow form", async () => {
    const output = join(folder, "dynamic.onnx");
    const result = await quantizeModel(carried("digits_vit.onnx"), { output });
    expect(result.mode).toBe("dynamic");
    const { ops } = inspectModel(output);
    expect(ops).toMatchObject({ MatMulInteger: 25, Conv: 1 });
    expect(ops.ConvInteger).toBeUndefined();
    const { agreement } = await compareModels(carried("digits_vit.onnx"), output, {
      data: testSamples(),
      latency: false,
    });
    expect(agreement).toBeGreaterThan(0.997);
  });

  it("warns when asked for the slow form", async () => {
    const { warnings, model } = await quantizeModel(carried("digits_cnn.onnx"), { mode: "dynamic" });
    expect(warnings.join()).toMatch(/4 convolutions run as ConvInteger/);
    expect(model.proto.graph!.node.filter(({ opType }) => opType === "ConvInteger")).toHaveLength(4);
  });

  it("gives the same bytes every time", async () => {
    const options = { data: calibrationSamples().slice(0, 16) };
    for (const name of ["a", "b"])
      await quantizeModel(carried("digits_cnn.onnx"), { ...options, output: join(folder, `${name}.onnx`) });
    expect(readFileSync(join(folder, "a.onnx")).equals(readFileSync(join(folder, "b.onnx")))).toBe(true);
  });

  it("takes bytes, and returns a model that stands by itself", async () => {
    const { model, size, files } = await quantizeModel(readFileSync(carried("digits_cnn.onnx")));
    expect(files).toEqual([]);
    expect(size.after).toBe(0);
    expect(model.path).toBeUndefined();
    expect([...model.tensors.values()].some(({ dtype }) => dtype === "int8")).toBe(true);
  });
});

describe("what the user asks for", () => {
  it("excluded nodes stay in float, named in the result", async () => {
    const { nodes, model } = await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples().slice(0, 8),
      exclude: ["/fc2/Gemm"],
    });
    expect(nodes).toContainEqual({
      name: "/fc2/Gemm",
      opType: "Gemm",
      treatment: "float",
      reason: "excluded by name",
    });
    expect(model.tensors.get("fc2.weight")?.dtype).toBe("float32");
  });

  it("an excluded node is found again after the preparation merged it with its bias", async () => {
    const layer = (name: string, input: string, output: string) => [
      { op: "MatMul", name, in: [input, `${name}.w`], out: [`${name}.p`] },
      { op: "Add", name: `${name}.add`, in: [`${name}.p`, `${name}.b`], out: [output] },
    ];
    const weights = (name: string) => [
      floats(`${name}.w`, [2, 2], [1, 2, 3, 4]),
      floats(`${name}.b`, [2], [5, 6]),
    ];
    const model = buildModel({
      nodes: [
        // Something to take away, without which there is no preparation.
        { op: "Identity", in: ["x"], out: ["same"] },
        ...layer("one", "same", "h"),
        ...layer("two", "h", "y"),
      ],
      initializers: [...weights("one"), ...weights("two")],
      inputs: { x: ["n", 2] },
      outputs: ["y"],
    });
    const { nodes } = await quantizeModel(modelFile(model), { mode: "dynamic", exclude: ["one"] });
    expect(nodes.map(({ opType, treatment }) => [opType, treatment])).toEqual([
      ["Gemm", "int8"],
      ["Gemm", "float"],
    ]);
  });

  it("samples limits the calibration", async () => {
    const { samples } = await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples(),
      samples: 40,
    });
    expect(samples).toBe(40);
  });

  it("progress counts calibration samples", async () => {
    const stages: string[] = [];
    await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples().slice(0, 40),
      onProgress: ({ stage, done }) => stages.push(`${stage} ${done}`),
    });
    expect(stages).toEqual(["prepare 0", "calibrate 32", "calibrate 40", "quantize 0", "write 0"]);
  });
});

it("a model with external data is quantized like the same model in one file", async () => {
  const outside = join(folder, "outside.onnx");
  await writeOnnx(outside, readOnnx(carried("digits_cnn.onnx")), { externalData: true });
  const data = calibrationSamples().slice(0, 8);
  const [one, two] = [join(folder, "one.onnx"), join(folder, "two.onnx")];
  await quantizeModel(carried("digits_cnn.onnx"), { data, output: one });
  const { size } = await quantizeModel(outside, { data, output: two });
  expect(size.before).toBeGreaterThan(1_000_000);
  const [a, b] = [readOnnx(one), readOnnx(two)];
  expect([...b.tensors.keys()].sort()).toEqual([...a.tensors.keys()].sort());
  for (const [name, { data: values }] of a.tensors) expect(b.tensors.get(name)!.data).toEqual(values);
});

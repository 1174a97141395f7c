import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import { inspectModel, quantizeModel } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, seed: number) =>
  floats(name, [64, 64], randomTensor([64, 64], seed).data as Float32Array);
/** A product, and one whose input is what any form of the first gives. */
const float = modelFile(
  buildModel({
    nodes: [
      { op: "MatMul", name: "first", in: ["x", "w"], out: ["h"] },
      { op: "Relu", name: "gate", in: ["h"], out: ["g"] },
      { op: "MatMul", name: "second", in: ["g", "v"], out: ["y"] },
    ],
    initializers: [weight("w", 1), weight("v", 2)],
    inputs: { x: ["n", 64] },
    outputs: ["y"],
  }),
);
const x = randomTensor([4, 64], 3);
const data = [{ feeds: { x } }];

const FORMS: [string, QuantizeOptions][] = [
  ["static", { mode: "static", data }],
  ["static, integer operators", { mode: "static", format: "qoperator", data }],
  ["dynamic", { mode: "dynamic" }],
  ["weights", { mode: "weights" }],
  ["4 bits", { bits: 4 }],
  ["4 bits behind DequantizeLinear", { bits: 4, weightFormat: "dequantize" }],
];

async function quantized(options: QuantizeOptions, input: string | Uint8Array = float): Promise<string> {
  const output = join(folder, `${Math.random()}.onnx`);
  const { model } = await quantizeModel(input, { ...options, output });
  model.close();
  return output;
}

const answer = async (path: string): Promise<Tensor> => (await run(path, { x })).y!;

describe("a model that is quantized already", () => {
  test.each(FORMS)("%s: is refused in every mode", async (_, options) => {
    const given = await quantized(options);
    for (const [, again] of FORMS)
      await expect(quantizeModel(given, again)).rejects.toMatchObject({
        code: "ALREADY_QUANTIZED",
        message: expect.stringMatching(/quantized already .*give the float model/),
      });
  });

  it("is quantized further where that is asked for, and still gives its answers", async () => {
    const given = await quantized({ mode: "dynamic", exclude: ["second"] });
    const again = await quantized({ mode: "dynamic", requantize: true }, given);
    expect(inspectModel(again).ops).toMatchObject({ MatMulInteger: 2 });
    const [before, after] = [await answer(given), await answer(again)];
    const range = Math.max(...(before.data as Float32Array).map(Math.abs));
    for (const [i, value] of (after.data as Float32Array).entries())
      expect(Math.abs(value - Number(before.data[i]))).toBeLessThan(0.03 * range);
  });

  it("may be brought to float16, and one in float16 to anything", async () => {
    const half = await quantized({ mode: "float16" });
    expect(inspectModel(await quantized({ mode: "dynamic" }, half)).ops).toMatchObject({ MatMulInteger: 2 });
    const halves = await quantized(
      { mode: "float16" },
      await quantized({ mode: "dynamic", exclude: ["second"] }),
    );
    expect(await answer(halves)).toMatchObject({ shape: [4, 64] });
  });
});

describe("weights too small for a scale", () => {
  const faint = modelFile(
    buildModel({
      nodes: [{ op: "MatMul", name: "product", in: ["x", "w"], out: ["y"] }],
      initializers: [floats("w", [64, 64], new Float32Array(64 * 64).fill(1e-39))],
      inputs: { x: ["n", 64] },
      outputs: ["y"],
    }),
  );
  test.each(FORMS)("%s: says that they are lost", async (_, options) => {
    for (const output of [undefined, join(folder, "faint.onnx")]) {
      const { warnings, model } = await quantizeModel(faint, { ...options, keepFloat: false, output });
      model.close();
      expect(warnings).toContainEqual(expect.stringMatching(/^values of w are lost: they are too small/));
    }
    const { data } = await answer(join(folder, "faint.onnx"));
    expect((data as Float32Array).every((value) => Math.abs(value) < 1e-30)).toBe(true);
  });

  test.each(FORMS)("%s: a channel of zeros is none of them", async (_, options) => {
    const { warnings, model } = await quantizeModel(float, options);
    model.close();
    expect(warnings.join()).not.toContain("are lost");
  });

  it("activations that small are told too", async () => {
    const tiny = [{ feeds: { x: { shape: [1, 64], data: new Float32Array(64).fill(1e-39) } } }];
    const { warnings } = await quantizeModel(float, { mode: "static", data: tiny, keepFloat: false });
    expect(warnings).toContainEqual(expect.stringMatching(/^values of .* are lost/));
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RoundingError, signalToNoise } from "../lib/calibrate/rounding-error.js";
import {
  compareModels,
  type DatasetSource,
  type QuantizeOptions,
  quantizeModel,
  readOnnx,
  writeOnnx,
} from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const digits = calibrationSamples().slice(0, 16);

async function quantizeDigits(name: string, model: string, options: QuantizeOptions = {}): Promise<string> {
  const output = join(folder, name);
  await quantizeModel(carried(model), {
    output,
    data: digits,
    calibrate: "minmax",
    keepFloat: false,
    ...options,
  });
  return output;
}

async function layersOf(
  reference: string | Uint8Array,
  candidate: string | Uint8Array,
  data: DatasetSource = digits,
) {
  return (await compareModels(reference, candidate, { data, layers: true, latency: false })).layers!;
}

describe("errors of one tensor", () => {
  // onnxruntime.quantization.qdq_loss_debug.compute_signal_to_quantization_noice_ratio of onnxruntime 1.30.
  it("are onnxruntime's", () => {
    const [x, y] = [Float32Array.of(1, -2, 3.5, 0), Float32Array.of(1.25, -2, 3, 0.125)];
    const error = new RoundingError();
    for (let i = 0; i < 4; i++) error.add(x.subarray(i, i + 1), y.subarray(i, i + 1), undefined, 1);
    expect(error.result()).toEqual({ qdqErr: expect.closeTo(17.207497, 4) });
    expect(signalToNoise(0, 0)).toBe(0);
    expect(signalToNoise(4, 0)).toBeCloseTo(319.0917954, 5);
  });
});

describe("layers", () => {
  it("rank first what was spoiled on purpose", async () => {
    const spoiled = await quantizeDigits("spoiled.onnx", "digits_cnn.onnx", {
      overrides: { "/f/f.1/f.1.2/Relu_output_0": { min: 0, max: 0.05 } },
    });
    const { nodes, activations } = await layersOf(carried("digits_cnn.onnx"), spoiled);
    // A Relu whose output has a range of its own stays, and lends that range to the output of the convolution before it.
    const touched = ["/f/f.1/f.1.0/Conv", "/f/f.1/f.1.2/Relu", "/f/f.2/f.2.0/Conv"];
    expect(
      nodes
        .slice(0, 3)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(touched);
    expect(nodes[0]!.sqnrDb).toBeLessThan(10);
    expect(nodes[3]!.sqnrDb).toBeGreaterThan(nodes[2]!.sqnrDb + 15);
    expect(activations.toSorted((a, b) => a.qdqErr - b.qdqErr)[0]!.name).toBe("/f/f.1/f.1.0/Conv_output_0");
  });

  it("give a node the error that quantizing it alone has", async () => {
    const model = carried("digits_dw.onnx");
    const data = digits.slice(0, 4);
    const { nodes } = await layersOf(model, await quantizeDigits("dw.onnx", "digits_dw.onnx"), data);
    for (const name of ["/f/f.0/f.0.0/Conv", "/fc/Gemm"]) {
      const alone = await quantizeDigits("alone.onnx", "digits_dw.onnx", { include: [name] });
      const { outputs } = await compareModels(model, alone, { data, latency: false });
      const found = nodes.find((node) => node.name === name)!;
      expect(Math.abs(found.sqnrDb - outputs[0]!.sqnrDb)).toBeLessThan(0.5);
    }
  });

  it("find tensors under the names that onnxruntime's quantizer gives them", async () => {
    const weight = randomTensor([8, 4], 3).data as Float32Array;
    const reference = buildModel({
      nodes: [{ op: "MatMul", name: "product", in: ["x", "w"], out: ["y"] }],
      initializers: [floats("w", [8, 4], weight)],
      inputs: { x: ["n", 8] },
      outputs: ["y"],
    });
    const scales = [0.01, 0.02, 0.03, 0.04];
    const steps = Int8Array.from(weight, (value, i) => Math.round(value / scales[i % 4]!));
    const candidate = buildModel({
      nodes: [
        { op: "QuantizeLinear", in: ["x", "x_scale", "x_zero_point"], out: ["x_QuantizeLinear_Output"] },
        {
          op: "DequantizeLinear",
          in: ["x_QuantizeLinear_Output", "x_scale", "x_zero_point"],
          out: ["x_DequantizeLinear_Output"],
        },
        {
          op: "DequantizeLinear",
          in: ["w_quantized", "w_scale", "w_zero_point"],
          out: ["w_DequantizeLinear_Output"],
          attributes: { axis: 1 },
        },
        {
          op: "MatMul",
          name: "product",
          in: ["x_DequantizeLinear_Output", "w_DequantizeLinear_Output"],
          out: ["y_QuantizeLinear_Input"],
        },
        {
          op: "QuantizeLinear",
          in: ["y_QuantizeLinear_Input", "y_scale", "x_zero_point"],
          out: ["y_QuantizeLinear_Output"],
        },
        { op: "DequantizeLinear", in: ["y_QuantizeLinear_Output", "y_scale", "x_zero_point"], out: ["y"] },
      ],
      initializers: [
        floats("x_scale", [], [0.125]),
        floats("y_scale", [], [0.25]),
        encodeTensor("x_zero_point", "uint8", [], Uint8Array.of(128)),
        encodeTensor("w_quantized", "int8", [8, 4], steps),
        floats("w_scale", [4], scales),
        encodeTensor("w_zero_point", "int8", [4], new Int8Array(4)),
      ],
      inputs: { x: ["n", 8] },
      outputs: ["y"],
    });
    const samples = [1, 2, 3].map((seed) => ({ feeds: { x: randomTensor([1, 8], seed) } }));
    const { nodes, activations, weights } = await layersOf(
      modelFile(reference),
      modelFile(candidate),
      samples,
    );
    const ratio = (real: number[], rounded: number[]) => {
      const noise = real.reduce((sum, value, i) => sum + (value - rounded[i]!) ** 2, 0);
      return 10 * Math.log10(real.reduce((sum, value) => sum + value * value, 0) / noise);
    };
    const rows = samples.map(({ feeds }) => [...(feeds.x.data as Float32Array)]);
    const step = (value: number, scale: number) => Math.round(value / scale) * scale;
    const product = (x: number[], w: (i: number) => number) =>
      [0, 1, 2, 3].map((column) => x.reduce((sum, value, row) => sum + value * w(4 * row + column), 0));
    const real = rows.flatMap((x) => product(x, (i) => weight[i]!));
    const before = rows.flatMap((x) =>
      product(
        x.map((value) => step(value, 0.125)),
        (i) => steps[i]! * scales[i % 4]!,
      ),
    );
    const after = before.map((value) => step(value, 0.25));
    const found = (name: string) => activations.find((activation) => activation.name === name)!;
    const input = ratio(
      rows.flat(),
      rows.flat().map((value) => step(value, 0.125)),
    );
    expect(found("x").qdqErr).toBeCloseTo(input, 2);
    expect(found("x").xmodelErr).toBeCloseTo(input, 2);
    expect(found("y").qdqErr).toBeCloseTo(ratio(before, after), 2);
    expect(found("y").xmodelErr).toBeCloseTo(ratio(real, after), 2);
    const stored = [...steps].map((value, i) => value * scales[i % 4]!);
    expect(weights).toEqual([{ name: "w", sqnrDb: expect.closeTo(ratio([...weight], stored), 2) }]);
    expect(nodes).toEqual([
      { name: "product", opType: "MatMul", sqnrDb: expect.closeTo(ratio(real, after), 2) },
    ]);
  });

  it("of a rescaled model are not compared node by node, and that is said", async () => {
    const equalized = await quantizeDigits("equalized.onnx", "digits_dw_skewed.onnx", { equalize: true });
    const { nodes, activations, warnings } = await layersOf(carried("digits_dw_skewed.onnx"), equalized);
    expect(nodes).toEqual([]);
    expect(activations.length).toBeGreaterThan(5);
    expect(warnings).toEqual([expect.stringContaining("rescaled")]);
  });

  it("of a model with external data are those of the same model in one file", async () => {
    const outside = join(folder, "outside.onnx");
    await writeOnnx(outside, readOnnx(carried("digits_dw.onnx")), { externalData: true });
    const candidate = await quantizeDigits("candidate.onnx", "digits_dw.onnx");
    const data = digits.slice(0, 4);
    expect(await layersOf(outside, candidate, data)).toEqual(
      await layersOf(carried("digits_dw.onnx"), candidate, data),
    );
  });

  it("of activations in 16 bits are compared in the operator set that has them", async () => {
    const candidate = await quantizeDigits("wide.onnx", "digits_dw.onnx", { activations: "uint16" });
    const { nodes, activations } = await layersOf(carried("digits_dw.onnx"), candidate, digits.slice(0, 4));
    expect(nodes.length).toBeGreaterThan(10);
    expect(nodes[0]!.sqnrDb).toBeGreaterThan(48);
    const pooled = activations.find(({ name }) => name === "/GlobalAveragePool_output_0");
    expect(pooled!.qdqErr).toBeGreaterThan(70);
  });

  it("need a candidate with pairs", async () => {
    const dynamic = join(folder, "weights.onnx");
    await quantizeModel(carried("digits_cnn.onnx"), { output: dynamic, mode: "weights" });
    await expect(layersOf(carried("digits_cnn.onnx"), dynamic)).rejects.toMatchObject({
      code: "UNSUPPORTED_MODEL",
      message: expect.stringContaining("format qdq"),
    });
  });
});

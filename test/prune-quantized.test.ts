import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import type { OnnxModel, QuantizeOptions } from "../lib/index.js";
import { compareModels, pruneModel, quantizeModel, readOnnx } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const float = carried("digits_cnn.onnx");
const data = calibrationSamples().slice(0, 16);
const target = "cpu-vnni";

/** For each weight behind a DequantizeLinear: its integers and its zero points. */
function quantizedWeights(path: string): Map<string, { values: number[]; zeroPoint: number }> {
  const model = readOnnx(path);
  const found = new Map<string, { values: number[]; zeroPoint: number }>();
  for (const { opType, input } of model.proto.graph!.node) {
    const stored = model.tensors.get(input[0] ?? "");
    if (opType !== "DequantizeLinear" || !stored || stored.data.length < 256) continue;
    const points = Array.from(model.tensors.get(input[2] ?? "")?.data ?? [0], Number);
    expect(new Set(points).size).toBe(1);
    found.set(input[0]!, { values: Array.from(stored.data, Number), zeroPoint: points[0]! });
  }
  model.close();
  return found;
}

/** The values of a tensor of 4 or 8 bits. */
function unpacked(model: OnnxModel, name: string): { shape: readonly number[]; values: number[] } {
  const { dtype, shape, data } = model.tensors.get(name)!;
  if (!dtype.endsWith("int4")) return { shape, values: Array.from(data, Number) };
  const length = shape.reduce((product, size) => product * size, 1);
  const nibbles = Array.from({ length }, (_, i) => (Number(data[i >> 1]) >> ((i & 1) * 4)) & 15);
  return { shape, values: dtype === "int4" ? nibbles.map((nibble) => (nibble ^ 8) - 8) : nibbles };
}

const count = <T>(values: readonly T[], is: (value: T, i: number) => boolean) => values.filter(is).length;

describe("pruning and quantizing", () => {
  const pruned = join(folder, "pruned.onnx");
  const setup = pruneModel(float, { output: pruned, sparsity: 0.6 }).then(({ model, layers }) => {
    model?.close();
    return layers;
  });

  test.each<[string, QuantizeOptions]>([
    ["static, int8 per channel", { data, target }],
    ["static, int8 compensated", { data, target, rounding: "compensated" }],
    ["static, uint8 per tensor", { data, weights: "uint8", perChannel: false }],
  ])("keeps zeros at the zero point when a pruned model is quantized: %s", async (name, options) => {
    const layers = await setup;
    const output = join(folder, `${name.replaceAll(/\W+/g, "-")}.onnx`);
    const { model } = await quantizeModel(pruned, { output, ...options });
    model.close();
    const weights = quantizedWeights(output);
    for (const { name: layer, zeros, values } of layers) {
      const stored = weights.get(`${layer}_quantized`)!;
      expect(stored.values).toHaveLength(values);
      expect(count(stored.values, (v) => v === stored.zeroPoint)).toBeGreaterThanOrEqual(zeros.after);
    }
  });

  test.each<[string, QuantizeOptions]>([
    ["int8", { data, target }],
    ["uint8", { data, weights: "uint8", perChannel: false }],
  ])("prunes %s weights to their zero point and leaves the others as they are", async (name, options) => {
    const quantized = join(folder, `dense-${name}.onnx`);
    const { model } = await quantizeModel(float, { output: quantized, ...options });
    model.close();
    const output = join(folder, `dense-${name}.pruned.onnx`);
    const result = await pruneModel(quantized, { output, sparsity: 0.5 });
    result.model?.close();
    expect(result.zeros.after).toBe(Math.round(0.5 * result.values));
    expect(result.layers).toHaveLength(5);
    const [before, after] = [quantizedWeights(quantized), quantizedWeights(output)];
    for (const { name: layer, zeros } of result.layers) {
      const { values, zeroPoint } = after.get(layer)!;
      const original = before.get(layer)!.values;
      expect(count(values, (v) => v === zeroPoint)).toBe(zeros.after);
      expect(count(values, (v, i) => v !== zeroPoint && v !== original[i])).toBe(0);
      expect(count(original, (v) => v === zeroPoint)).toBe(zeros.before);
    }
  });

  test.each<[string, string, QuantizeOptions, string, number, number]>([
    ["digits_cnn", "dynamic", { mode: "dynamic" }, "ConvInteger", 1, 3],
    ["digits_vit", "dynamic", { mode: "dynamic" }, "MatMulInteger", 1, 3],
    ["digits_cnn", "qoperator", { data, format: "qoperator", target }, "QLinearConv", 3, 5],
  ])(
    "prunes %s after it was quantized: %s, which computes in integers",
    async (name, how, options, op, w, z) => {
      const [quantized, output] = ["q", "p"].map((which) => join(folder, `${name}-${how}-${which}.onnx`)) as [
        string,
        string,
      ];
      (await quantizeModel(carried(`${name}.onnx`), { output: quantized, ...options })).model.close();
      const { model, layers, zeros, values } = await pruneModel(quantized, { output, sparsity: 0.5 });
      expect(zeros.after).toBe(Math.round(0.5 * values));
      const before = readOnnx(quantized);
      let seen = 0;
      for (const { opType, input } of model!.proto.graph!.node) {
        const layer = layers.find((each) => each.name === input[w]);
        if (opType !== op || layer === undefined) continue;
        const zeroPoint = Number(model!.tensors.get(input[z] ?? "")?.data[0] ?? 0);
        const [is, was] = [model!, before].map((each) =>
          Array.from(each.tensors.get(layer.name)!.data, Number),
        );
        expect(count(is!, (v) => v === zeroPoint)).toBe(layer.zeros.after);
        expect(count(is!, (v, i) => v !== zeroPoint && v !== was![i])).toBe(0);
        seen++;
      }
      expect(seen).toBeGreaterThan(2);
      for (const each of [model, before]) each?.close();
      const { outputs } = await compareModels(quantized, output, { data: data.slice(0, 4), latency: false });
      expect(outputs[0]!.sqnrDb).toBeGreaterThan(3);
    },
  );

  test.each([
    ["nearest", {}],
    ["compensated by samples", { data }],
  ])("keeps zeros exact in blocks of 4 bits, rounded to %s", async (_, options) => {
    const dense = carried("digits_vit.onnx");
    const sparse = join(folder, "vit.pruned.onnx");
    const { layers, model } = await pruneModel(dense, {
      output: sparse,
      sparsity: 0.6,
      include: ["*MatMul*"],
    });
    model?.close();
    const output = join(folder, "vit.blocks.onnx");
    const blocks = await quantizeModel(sparse, {
      output,
      bits: 4,
      blockSize: 32,
      weightFormat: "dequantize",
      prepare: false,
      ...options,
    });
    const found = layers.map(({ name, zeros }) => {
      const node = blocks.model.proto.graph!.node.find(
        ({ opType, input }) => opType === "DequantizeLinear" && input[0]!.startsWith(`${name}_`),
      )!;
      const { shape, values } = unpacked(blocks.model, node.input[0]!);
      const points = node.input[2] ? unpacked(blocks.model, node.input[2]).values : undefined;
      const zeroPointOf = (i: number): number => {
        const [row, column] = [Math.floor(i / shape[1]!), i % shape[1]!];
        return points?.[Math.floor(row / 32) * shape[1]! + column] ?? 0;
      };
      const exact = count(values, (value, i) => value === zeroPointOf(i));
      return { name, isSparse: exact >= zeros.after, hasOthers: exact < values.length };
    });
    blocks.model.close();
    expect(found).toEqual(layers.map(({ name }) => ({ name, isSparse: true, hasOthers: true })));
  });

  it("leaves integers alone whose scale is not to be found, and says so", async () => {
    const path = join(folder, "integers.onnx");
    const model = buildModel({
      nodes: [
        { op: "MatMul", in: ["x", "floats"], out: ["h"] },
        { op: "DynamicQuantizeLinear", in: ["h"], out: ["q", "scale", "zero"] },
        { op: "MatMulInteger", in: ["q", "integers", "zero"], out: ["y"] },
      ],
      initializers: [
        encodeTensor(
          "floats",
          "float32",
          [32, 32],
          Float32Array.from({ length: 1024 }, (_, i) => i - 500),
        ),
        encodeTensor("integers", "int8", [32, 32], new Int8Array(1024).fill(3)),
      ],
      inputs: { x: [1, 32] },
      outputs: ["y"],
    });
    writeFileSync(path, modelFile(model));
    const { layers, dense, model: pruned } = await pruneModel(path, { sparsity: 0.5 });
    pruned?.close();
    expect(layers.map(({ name }) => name)).toEqual(["floats"]);
    const reason = "not all that read its integers do so by one known scale";
    expect(dense).toEqual([{ name: "integers", values: 1024, reason }]);
  });
});

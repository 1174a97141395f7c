import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/index.js";
import { pruneModel, quantizeModel, readOnnx } from "../lib/index.js";
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
    const points = Array.from(model.tensors.get(input[2]!)!.data, Number);
    expect(new Set(points).size).toBe(1);
    found.set(input[0]!, { values: Array.from(stored.data, Number), zeroPoint: points[0]! });
  }
  model.close();
  return found;
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
    ["static, uint8 per tensor", { data, weights: "uint8", perChannel: false }],
  ])("keeps zeros at the zero point when a pruned model is quantized: %s", async (name, options) => {
    const layers = await setup;
    const output = join(folder, `${name.split(" ")[1]}.onnx`);
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

  it("leaves integers alone that are no weights of DequantizeLinear, and says so", async () => {
    const output = join(folder, "dynamic.onnx");
    const { model } = await quantizeModel(carried("digits_vit.onnx"), { output, mode: "dynamic", target });
    model.close();
    await expect(pruneModel(output, { sparsity: 0.5, minSize: 5000 })).rejects.toMatchObject({
      code: "NOTHING_TO_PRUNE",
    });
  });
});

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareModels, type PruneOptions, pruneModel } from "../lib/index.js";
import { readOnnx } from "../lib/onnx/read.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();

describe("pruneModel with data", () => {
  const data = calibrationSamples().slice(0, 96);

  test.each<[string, PruneOptions, number]>([
    ["digits_dw.onnx", { sparsity: 0.7 }, 0.97],
    ["digits_dw.onnx", { sparsity: 0.7, score: "sparsegpt" }, 0.97],
    ["digits_dw.onnx", { pattern: "2:4" }, 0.98],
    ["digits_dw.onnx", { pattern: "2:4", score: "sparsegpt", repair: [] }, 0.97],
  ])("keeps what %s knows at %o", async (name, options, least) => {
    const accuracy = async (more: Partial<PruneOptions>) => {
      const output = join(folder, "digits.onnx");
      const result = await pruneModel(carried(name), { ...options, ...more, output });
      result.model!.close();
      const compared = await compareModels(carried(name), output, { data: testSamples(), latency: false });
      return { ...result, accuracy: compared.accuracy!.candidate };
    };
    const plain = await accuracy({ score: "lamp", repair: [] });
    const repaired = await accuracy({ data });
    expect(repaired.accuracy).toBeGreaterThan(least);
    expect(repaired.accuracy).toBeGreaterThan(plain.accuracy);
    expect(repaired.zeros).toEqual(plain.zeros);
    const weights = repaired.layers.length;
    expect(repaired.repairs[0]).toContain(`repaired ${weights} of ${weights} weights: weights `);
    // Each layer of a pattern has it still, and every zero is +0.
    if (options.pattern === undefined) return;
    const model = readOnnx(join(folder, "digits.onnx"));
    for (const { name: weight, shape } of repaired.layers) {
      const stored = model.tensors.get(weight)!.data as Float32Array;
      const [inputs, inner] = [shape[1]!, shape.slice(2).reduce((a, b) => a * b, 1)];
      for (const [i, value] of stored.entries()) {
        if (value === 0) expect(Object.is(value, 0)).toBe(true);
        if ((Math.floor(i / inner) % inputs) % 4 > 0) continue;
        const group = [0, 1, 2, 3].map((k) => stored[i + k * inner]!);
        expect(group.filter((each) => each === 0)).toHaveLength(2);
      }
    }
    model.close();
  });

  test.each<[string, PruneOptions, RegExp]>([
    ["a score of inputs without data", { sparsity: 0.5, score: "wanda" }, /wanda goes by what samples show/],
    ["a repair without data", { sparsity: 0.5, repair: ["bias"] }, /repair goes by what samples show/],
    [
      "a repair that there is not",
      { sparsity: 0.5, data, repair: ["magic" as "bias"] },
      /of least-squares, bias/,
    ],
    ["data of another model", { sparsity: 0.5, data: [{ feeds: { x: randomTensor([1, 3], 1) } }] }, /image/],
  ])("refuses %s", async (_, options, message) => {
    await expect(pruneModel(carried("digits_dw.onnx"), options)).rejects.toThrow(message);
  });
});

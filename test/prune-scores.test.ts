import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pruneMagnitude, pruneModel } from "../lib/index.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();

/** Two products whose weights differ in scale and in the shape of their distribution. */
function twoLayers(scale: number): { path: string; weights: Float32Array[] } {
  const first = randomTensor([32, 64], 1, scale).data as Float32Array;
  const second = (randomTensor([64, 48], 2).data as Float32Array).map((value) => value ** 3);
  const path = join(folder, `scale-${scale}.onnx`);
  const model = buildModel({
    nodes: [
      { op: "MatMul", in: ["x", "a"], out: ["h"] },
      { op: "MatMul", in: ["h", "b"], out: ["y"] },
    ],
    initializers: [floats("a", [32, 64], first), floats("b", [64, 48], second)],
    inputs: { x: [1, 32] },
    outputs: ["y"],
  });
  writeFileSync(path, modelFile(model));
  return { path, weights: [first, second] };
}

/** The score as its paper defines it. */
function lampScores(values: Float32Array): number[] {
  const order = [...values.keys()].sort((i, j) => Math.abs(values[i]!) - Math.abs(values[j]!));
  const scores = new Array<number>(values.length);
  let above = 0;
  for (const i of order.reverse()) {
    above += values[i]! ** 2;
    scores[i] = values[i]! ** 2 / above;
  }
  return scores;
}

async function zerosOf(path: string, sparsity: number): Promise<number[]> {
  const { layers, model } = await pruneModel(path, { sparsity });
  model?.close();
  return layers.map(({ zeros }) => zeros.after);
}

describe("LAMP", () => {
  it("shares out zeros as the scores of all weights together do", async () => {
    const { path, weights } = twoLayers(1);
    const scores = weights.map(lampScores);
    for (const sparsity of [0.1, 0.5, 0.9, 0.99]) {
      const k = Math.round(sparsity * (2048 + 3072));
      const limit = scores.flat().sort((a, b) => a - b)[k - 1]!;
      const expected = scores.map((each) => each.filter((score) => score <= limit).length);
      const zeros = await zerosOf(path, sparsity);
      expect(zeros[0]! + zeros[1]!).toBe(k);
      expect(Math.abs(zeros[0]! - expected[0]!)).toBeLessThanOrEqual(0.005 * k);
    }
  });

  it("does not depend on the scale of a layer, as a threshold of magnitudes does", async () => {
    const zeros = await zerosOf(twoLayers(1).path, 0.7);
    expect(await zerosOf(twoLayers(1024).path, 0.7)).toEqual(zeros);
    const { layers, model } = await pruneModel(twoLayers(1024).path, { sparsity: 0.7, score: "magnitude" });
    expect(layers[1]!.sparsity).toBe(1);
    model?.close();
  });

  it("takes all that is asked for, down to nothing and up to everything", async () => {
    const { path } = twoLayers(1);
    expect(await zerosOf(path, 0)).toEqual([0, 0]);
    expect(await zerosOf(path, 1)).toEqual([2048, 3072]);
    // The last value of each weight goes last.
    expect(await zerosOf(path, (5120 - 2) / 5120)).toEqual([2047, 3071]);
  });
});

describe("one threshold of magnitudes", () => {
  it("takes as many as asked for, whatever the values are", async () => {
    const parts = [
      randomTensor([10, 100], 1).data as Float32Array,
      new Float32Array(50),
      Float32Array.of(-0, 1e-45, -1e-40, 3e38, -3e38, 2e-40, 0.5, 0.5, -0.5, 0.25),
    ];
    const shapes = [
      [10, 100],
      [5, 10],
      [2, 5],
    ] as const;
    const path = join(folder, "parts.onnx");
    const initializers = parts.map((part, i) => floats(`w${i}`, [...shapes[i]!], part));
    const nodes = parts.map((_, i) => ({ op: "MatMul", in: [`x${i}`, `w${i}`], out: [`y${i}`] }));
    const inputs = Object.fromEntries(shapes.map(([rows], i) => [`x${i}`, [1, rows]]));
    writeFileSync(path, modelFile(buildModel({ nodes, initializers, inputs, outputs: ["y0", "y1", "y2"] })));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    for (const k of [1, 50, 51, 52, 53, 54, 500, length - 3, length - 1, length]) {
      const options = { sparsity: k / length, score: "magnitude", minSize: 1 } as const;
      const { model, zeros } = await pruneModel(path, options);
      expect(zeros).toEqual({ before: 51, after: Math.max(51, k) });
      const expected = pruneMagnitude(parts, { sparsity: Math.max(51, k) / length });
      for (const [i, values] of expected.entries()) expect(model!.tensors.get(`w${i}`)!.data).toEqual(values);
      model!.close();
    }
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { compareModels, type PruneOptions, pruneModel } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

function values(shape: number[], seed: number): Float32Array {
  return randomTensor(shape, seed).data as Float32Array;
}

/** Samples of x whose columns depend on each other, and have means of their own. */
function mixed(samples: number, shape: number[], seed: number): { feeds: { x: Tensor } }[] {
  const size = shape.reduce((a, b) => a * b, 1);
  const all = values([samples, size], seed);
  return Array.from({ length: samples }, (_, s) => {
    const data = all.slice(s * size, (s + 1) * size);
    for (let i = 1; i < size; i++) data[i] = 0.7 * data[i - 1]! + data[i]! + 0.3;
    return { feeds: { x: { dtype: "float32", shape: [1, ...shape], data } } };
  });
}

async function prune(spec: GraphSpec, options: PruneOptions, name = "model") {
  const [before, after] = [join(folder, `${name}.onnx`), join(folder, `${name}-pruned.onnx`)];
  writeFileSync(before, modelFile(buildModel(spec)));
  const result = await pruneModel(before, { minSize: 1, ...options, output: after });
  const stored = new Map(
    [...result.model!.tensors].map(([key, tensor]) => [key, Float32Array.from(tensor.data as Float32Array)]),
  );
  result.model!.close();
  return { before, after, stored, result };
}

/** Solves a x = b by Gauss and Jordan. */
function solve(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!]);
  for (const i of rows.keys()) {
    const pivot = rows.slice(i).reduce((best, row) => (Math.abs(row[i]!) > Math.abs(best[i]!) ? row : best));
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(i, 0, pivot);
    for (const [k, row] of rows.entries())
      if (k !== i) {
        const factor = row[i]! / pivot[i]!;
        for (let j = i; j <= rows.length; j++) row[j]! -= factor * pivot[j]!;
      }
  }
  return rows.map((row, i) => row[rows.length]! / row[i]!);
}

/** The ridge solution of one output over the columns that are kept, as its formula has it, and the bias with it. */
function ridge(x: number[][], y: number[], w: number[], kept: number[], centred: boolean) {
  const n = x[0]!.length;
  const mean = (of: number[]) => (centred ? of.reduce((a, b) => a + b, 0) / of.length : 0);
  const means = Array.from({ length: n }, (_, i) => mean(x.map((row) => row[i]!)));
  const moment = (i: number, j: number) =>
    x.reduce((sum, row) => sum + (row[i]! - means[i]!) * (row[j]! - means[j]!), 0) / x.length;
  const damping = (0.01 * Array.from({ length: n }, (_, i) => moment(i, i)).reduce((a, b) => a + b, 0)) / n;
  const right = kept.map(
    (i) =>
      x.reduce((sum, row, r) => sum + (row[i]! - means[i]!) * (y[r]! - mean(y)), 0) / x.length +
      damping * w[i]!,
  );
  const matrix = kept.map((i) => kept.map((j) => moment(i, j) + (i === j ? damping : 0)));
  const solution = solve(matrix, right);
  return { solution, bias: mean(y) - kept.reduce((sum, i, k) => sum + solution[k]! * means[i]!, 0) };
}

describe("least squares", () => {
  const [n, outputs] = [6, 4];
  const w = values([n, outputs], 3);
  const bias = Float32Array.of(0.5, -1, 2, 0);
  const product: GraphSpec = {
    nodes: [
      { op: "MatMul", in: ["x", "w"], out: ["h"] },
      { op: "Add", in: ["h", "b"], out: ["y"] },
    ],
    initializers: [floats("w", [n, outputs], w), floats("b", [outputs], bias)],
    inputs: { x: ["N", n] },
    outputs: ["y"],
  };
  const data = mixed(50, [n], 1);
  const x = data.map(({ feeds }) => [...(feeds.x.data as Float32Array)]);
  const column = (o: number) => Array.from({ length: n }, (_, i) => w[i * outputs + o]!);

  test.each([
    ["with biases", ["least-squares", "bias"]],
    ["with the biases as they are", ["least-squares"]],
  ] as const)("gives the weights that stay the values that the closed form has, %s", async (_, repair) => {
    const options = { sparsity: 0.5, score: "magnitude", repair, data } as const;
    const { stored, result } = await prune(product, options);
    const fitted = stored.get("w")!;
    expect(result.zeros.after).toBe(12);
    const centred = repair.length > 1;
    for (let o = 0; o < outputs; o++) {
      const kept = [...Array(n).keys()].filter((i) => fitted[i * outputs + o] !== 0);
      const own = centred ? 0 : bias[o]!;
      const y = x.map((row) => row.reduce((sum, value, i) => sum + value * column(o)[i]!, bias[o]! - own));
      const expected = ridge(x, y, column(o), kept, centred);
      for (const [k, i] of kept.entries())
        expect(fitted[i * outputs + o]).toBeCloseTo(expected.solution[k]!, 4);
      const added = [...stored].find(([name]) => name.startsWith("b"))![1];
      expect(added[o]).toBeCloseTo(centred ? expected.bias : bias[o]!, 4);
    }
  });

  it("hands what a pruned filter of a depthwise convolution did to the values beside it", async () => {
    // Every image is the same across its columns, so that one column of a filter can do the work of all three.
    const spec: GraphSpec = {
      nodes: [{ op: "Conv", in: ["x", "w"], out: ["y"], attributes: { group: 4, kernel_shape: [1, 3] } }],
      initializers: [floats("w", [4, 1, 1, 3], values([4, 1, 1, 3], 9))],
      inputs: { x: ["N", 4, 5, 7] },
      outputs: ["y"],
    };
    const flat = mixed(20, [4, 5, 7], 2);
    for (const { feeds } of flat) {
      const pixels = feeds.x.data as Float32Array;
      for (const i of pixels.keys()) pixels[i] = pixels[i - (i % 7)]!;
    }
    const db = async (options: Partial<PruneOptions>) => {
      const { before, after, stored } = await prune(spec, { sparsity: 0.5, data: flat, ...options });
      expect(stored.get("w")!.filter((value) => value === 0)).toHaveLength(6);
      return (await compareModels(before, after, { data: flat, latency: false })).outputs[0]!.sqnrDb;
    };
    const plain = await db({ repair: [] });
    // The rest is damping.
    expect(await db({})).toBeGreaterThan(plain + 10);
  });
});

describe("statistics of outputs", () => {
  const conv: GraphSpec = {
    nodes: [
      { op: "Conv", in: ["x", "w"], out: ["h"], attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
      { op: "BatchNormalization", in: ["h", "s", "b", "m", "v"], out: ["n"] },
      { op: "Relu", in: ["n"], out: ["y"] },
    ],
    initializers: [
      floats("w", [6, 4, 3, 3], values([6, 4, 3, 3], 5)),
      floats("s", [6], [1, 2, 0.5, -1, 1, 3]),
      floats("b", [6], [0, 1, -1, 0.5, 2, 0]),
      floats("m", [6], [0.1, -0.2, 0.3, 0, 1, 2]),
      floats("v", [6], [1, 4, 0.25, 2, 1, 9]),
    ],
    inputs: { x: ["N", 4, 6, 6] },
    outputs: ["n", "y"],
  };
  /** The same with the normalization in the weights of the convolution. */
  const folded: GraphSpec = {
    ...conv,
    nodes: [
      {
        op: "Conv",
        in: ["x", "w", "b"],
        out: ["n"],
        attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      },
      { op: "Relu", in: ["n"], out: ["y"] },
    ],
    initializers: [
      floats("w", [6, 4, 3, 3], values([6, 4, 3, 3], 6)),
      floats("b", [6], [0, 1, -1, 0.5, 2, 0]),
    ],
  };
  const data = mixed(24, [4, 6, 6], 8);
  const images: Tensor = {
    dtype: "float32",
    shape: [24, 4, 6, 6],
    data: Float32Array.from(data.flatMap(({ feeds }) => [...(feeds.x.data as Float32Array)])),
  };

  /** Mean and deviation of each channel over all samples and places. */
  async function statistics(path: string) {
    const { data: y } = (await run(path, { x: images })).n!;
    return Array.from({ length: 6 }, (_, channel) => {
      const own = (y as Float32Array).filter((_, i) => Math.floor(i / 36) % 6 === channel);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      return { mean, deviation: Math.sqrt(own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / own.length) };
    });
  }

  test.each([
    ["a BatchNormalization", conv],
    ["a convolution that has it folded in", folded],
  ])("come back with %s", async (name, spec) => {
    for (const repair of [["bias"], ["batch-norm"], ["least-squares", "batch-norm"]] as const) {
      const options = { sparsity: 0.6, score: "magnitude", repair, data } as const;
      const { before, after, stored, result } = await prune(spec, options, name.slice(2, 5));
      const [had, has] = [await statistics(before), await statistics(after)];
      for (const [channel, { mean, deviation }] of has.entries()) {
        expect(mean).toBeCloseTo(had[channel]!.mean, 3);
        if (repair[0] !== "bias") expect(deviation / had[channel]!.deviation).toBeCloseTo(1, 3);
      }
      expect(result.zeros.after).toBe(Math.round(0.6 * result.values));
      expect(stored.get("w")!.every((value) => value !== 0 || Object.is(value, 0))).toBe(true);
    }
  });

  test("of outputs that never change give them their value back, not a deviation", async () => {
    const outputs = 32;
    const product: GraphSpec = {
      nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }],
      initializers: [
        floats("w", [6, outputs], values([6, outputs], 3)),
        floats("b", [outputs], values([outputs], 4)),
      ],
      inputs: { x: ["N", 6] },
      outputs: ["y"],
    };
    const [one] = mixed(1, [6], 9);
    const { x } = one!.feeds;
    const rows = 3000; // their sum of squares is rounded
    const many = Float32Array.from({ length: rows * 6 }, (_, i) => (x.data as Float32Array)[i % 6]!);
    const same = [{ feeds: { x: { dtype: "float32", shape: [rows, 6], data: many } as Tensor } }];
    const { before, after } = await prune(product, { sparsity: 0.5, repair: ["batch-norm"], data: same });
    const [had, has] = [(await run(before, { x })).y!, (await run(after, { x })).y!];
    for (const [i, value] of (has.data as Float32Array).entries())
      expect(value).toBeCloseTo((had.data as Float32Array)[i]!, 4);
  });

  test("are left alone where calibration saw values that are not finite", async () => {
    const divided: GraphSpec = {
      nodes: [
        { op: "Div", in: ["x", "d"], out: ["h"] },
        { op: "MatMul", in: ["h", "w"], out: ["y"] },
      ],
      initializers: [floats("d", [6], [1, 1, 0, 1, 1, 1]), floats("w", [6, 4], values([6, 4], 3))],
      inputs: { x: ["N", 6] },
      outputs: ["y"],
    };
    const data = mixed(8, [6], 9);
    const plain = await prune(divided, { sparsity: 0.5, score: "magnitude", repair: [], data });
    const { stored, result } = await prune(divided, { sparsity: 0.5, score: "magnitude", data });
    expect(stored.get("w")).toEqual(plain.stored.get("w"));
    expect(result.repairs[0]).toMatch(/^repaired 0 of 1 weights/);
  });
});

import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import type { ValueInfo } from "../lib/data/value-info.js";
import { benchmarkModel, compareModels, type Progress, type Tensor } from "../lib/index.js";
import { readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { carried, digits, writeDigits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { identityModel } from "./support/identity-model.js";

const folder = temporaryFolder();
const cnn = carried("digits_cnn.onnx");
const vit = carried("digits_vit.onnx");
const data = join(folder, "digits.safetensors");
beforeAll(() => writeDigits(data));

const x: ValueInfo = { name: "x", dtype: "float32", shape: ["n", 2] };

/** One sample per row. */
function rows(...values: number[][]): { feeds: { x: Tensor } }[] {
  return values.map((row) => ({
    feeds: { x: { dtype: "float32", shape: [1, row.length], data: Float32Array.from(row) } },
  }));
}

describe("compareModels on real models", () => {
  it("finds a model equal to itself, and its accuracy", async () => {
    const result = await compareModels(cnn, cnn, { data, labels: "y", latency: false });
    expect(result).toEqual({
      samples: 797,
      data: "given",
      threads: 1,
      accuracy: {
        reference: 794 / 797,
        candidate: 794 / 797,
        difference: 0,
        correct: { reference: 794, candidate: 794 },
      },
      agreement: 1,
      outputs: [
        {
          name: "logits",
          cosine: 1,
          sqnrDb: Number.POSITIVE_INFINITY,
          maxAbsError: 0,
          meanAbsError: 0,
          exact: true,
          nonFinite: { reference: 0, candidate: 0 },
        },
      ],
      size: { reference: statSync(cnn).size, candidate: statSync(cnn).size, ratio: 1 },
    });
    expect(JSON.parse(JSON.stringify(result)).outputs[0]).toMatchObject({ sqnrDb: null, exact: true });
  });

  it("counts what each of two models gets right and where they agree, in any batches", async () => {
    const { image, y } = digits(100);
    const pixels = image.data as Float32Array;
    const samples = Array.from(y.data as Uint8Array, (label, i) => ({
      feeds: { image: pixels.subarray(i * 784, (i + 1) * 784) },
      label,
    }));
    const given = await compareModels(cnn, vit, { data: samples, latency: false });
    const file = await compareModels(cnn, vit, { data, labels: "y", samples: 100, latency: false });
    expect(given).toEqual(file);
    expect(given).toMatchObject({
      samples: 100,
      accuracy: { correct: { reference: 100, candidate: 100 } },
      agreement: 1,
    });
    expect(given.outputs[0]!.exact).toBe(false);
  });

  it("makes seeded inputs where no data is given, and says so", async () => {
    const options = { latency: false, samples: 5 };
    const first = await compareModels(cnn, vit, options);
    expect(first).toMatchObject({ data: "random (seeded)", samples: 5 });
    expect(first.accuracy).toBeUndefined();
    expect(await compareModels(cnn, vit, options)).toEqual(first);
  });

  it("times both in turn and tells how far it is", async () => {
    const seen: Progress[] = [];
    const { latency } = await compareModels(cnn, vit, {
      data,
      samples: 64,
      onProgress: (step) => seen.push(step),
    });
    expect(latency!.runs).toBeGreaterThanOrEqual(30);
    expect(latency!.speedup).toBeCloseTo(latency!.reference.medianMs / latency!.candidate.medianMs, 10);
    for (const { minMs, medianMs, p95Ms } of [latency!.reference, latency!.candidate]) {
      expect(minMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(minMs);
      expect(p95Ms).toBeGreaterThanOrEqual(medianMs);
    }
    expect(seen).toContainEqual({ stage: "compare", done: 64, total: 64 });
    expect(seen.at(-1)).toEqual({ stage: "time", done: latency!.runs });
  });

  it("counts external data in the size", async () => {
    const path = join(folder, "external.onnx");
    const files = await writeOnnx(path, readOnnx(cnn), { externalData: true });
    expect(files.length).toBeGreaterThan(1);
    const { size, outputs } = await compareModels(cnn, path, { latency: false, samples: 1 });
    expect(size.candidate).toBe(files.reduce((sum, file) => sum + statSync(file).size, 0));
    expect(outputs[0]!.exact).toBe(true);
  });

  it("rejects with the signal's reason while it runs", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ stage }: Progress) => {
      if (stage === "time") controller.abort(reason);
    };
    const run = compareModels(cnn, vit, { data, signal: controller.signal, onProgress });
    await expect(run).rejects.toBe(reason);
  });
});

describe("the figures", () => {
  const identity = identityModel([x]);
  const absolute = identityModel([x], "Abs");

  it("are those of the definitions", async () => {
    const { outputs, agreement } = await compareModels(identity, absolute, {
      data: rows([3, -4], [0, 0]),
      latency: false,
    });
    expect(outputs[0]).toMatchObject({ maxAbsError: 8, meanAbsError: 2, exact: false });
    expect(outputs[0]!.cosine).toBeCloseTo((9 - 16) / 25, 12);
    expect(outputs[0]!.sqnrDb).toBeCloseTo(20 * Math.log10(5 / 8), 12);
    expect(agreement).toBe(0.5);
  });

  it("leave the padding of a fixed batch out", async () => {
    const fixed = identityModel([{ ...x, shape: [4, 2] }], "Abs");
    const samples = { data: rows([3, -4], [0, 0], [1, 1], [2, 1], [-5, 1]), latency: false };
    const padded = await compareModels(identity, fixed, samples);
    const { size: _, ...expected } = await compareModels(identity, absolute, samples);
    expect(padded).toMatchObject(expected);
  });

  it("take equal infinities as equal, and count values that are not finite", async () => {
    const samples = { data: rows([Number.NEGATIVE_INFINITY, 1]), latency: false };
    const [same] = (await compareModels(identity, identity, samples)).outputs;
    expect(same).toMatchObject({ exact: true, cosine: 1, nonFinite: { reference: 1, candidate: 1 } });
  });

  it("never agree on NaN", async () => {
    const root = identityModel([x], "Sqrt");
    const result = await compareModels(absolute, root, { data: rows([4, -1]), latency: false });
    expect(result.agreement).toBe(0);
    expect(result.outputs[0]).toMatchObject({ exact: false, nonFinite: { reference: 0, candidate: 1 } });
    expect(result.outputs[0]!.sqnrDb).toBeNaN();
  });

  it("read a single value as a probability", async () => {
    const single = identityModel([{ ...x, shape: ["n"] }]);
    const samples = [0.2, 0.7, 0.9].map((value, i) => ({
      feeds: { x: Float32Array.of(value) },
      label: Number(i > 1),
    }));
    const { accuracy } = await compareModels(single, single, { data: samples, latency: false });
    expect(accuracy).toMatchObject({ correct: { reference: 2, candidate: 2 } });
  });

  it("compare every row of outputs with several per sample", async () => {
    const tokens = (operator?: string) => identityModel([{ ...x, shape: ["n", 3, 2] }], operator);
    const samples = [{ feeds: { x: Float32Array.of(1, 0, 1, -2, 0, 1) } }];
    const { agreement } = await compareModels(tokens(), tokens("Abs"), { data: samples, latency: false });
    expect(agreement).toBeCloseTo(2 / 3, 12);
  });

  it("are given for every output, in wide integers and float16 too", async () => {
    const inputs: ValueInfo[] = [
      { name: "h", dtype: "float16", shape: [1, 2] },
      { name: "i", dtype: "int64", shape: [1, 2] },
    ];
    const sample = { feeds: { h: Uint16Array.of(0x3c00, 0xc000), i: BigInt64Array.of(3n, -4n) } };
    const samples = { data: [sample], latency: false };
    const { outputs } = await compareModels(identityModel(inputs), identityModel(inputs, "Abs"), samples);
    expect(outputs.map(({ name, maxAbsError }) => [name, maxAbsError])).toEqual([
      ["out_h", 4],
      ["out_i", 8],
    ]);
  });
});

describe("what cannot be compared", () => {
  const two = identityModel([x, { ...x, name: "z" }]);
  const open: ValueInfo = { ...x, shape: ["n", "m"] };
  test.each<[string, Uint8Array, Uint8Array, object, string, RegExp]>([
    [
      "other inputs",
      identityModel([x]),
      two,
      {},
      "UNSUPPORTED_MODEL",
      /different inputs.*x float32 \[n, 2\]; z/,
    ],
    [
      "other types",
      identityModel([x]),
      identityModel([{ ...x, dtype: "int32" }]),
      {},
      "UNSUPPORTED_MODEL",
      /different inputs/,
    ],
    [
      "other fixed sizes",
      identityModel([x]),
      identityModel([{ ...x, shape: ["n", 3] }]),
      {},
      "UNSUPPORTED_MODEL",
      /different inputs/,
    ],
    [
      "other shapes of outputs",
      identityModel([open]),
      identityModel([open], "Transpose"),
      { data: rows([1, 2]) },
      "UNSUPPORTED_MODEL",
      /out_x is \[1, 2\] in .* but \[2, 1\]/,
    ],
    [
      "a label past the classes",
      identityModel([x]),
      identityModel([x]),
      { data: [{ ...rows([1, 2])[0], label: 2 }] },
      "DATA_MISMATCH",
      /label 2 of sample 0 is outside the 2 classes/,
    ],
  ])("%s", async (_, reference, candidate, options, code, says) => {
    const run = compareModels(reference, candidate, { latency: false, ...options });
    await expect(run).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });

  it("a missing or damaged model, wrong data, wrong options", async () => {
    await expect(compareModels(join(folder, "none.onnx"), cnn)).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
    });
    await expect(compareModels(cnn, carried("digits.safetensors"))).rejects.toMatchObject({
      name: "ModelFormatError",
    });
    await expect(compareModels(cnn, vit, { data: carried("digits.safetensors") })).rejects.toMatchObject({
      code: "DATA_MISMATCH",
      field: "image",
    });
    await expect(compareModels(cnn, vit, { data, labels: "z" })).rejects.toMatchObject({
      code: "DATA_MISMATCH",
      field: "z",
    });
    await expect(compareModels(cnn, vit, { threads: 0 })).rejects.toThrow(RangeError);
  });
});

describe("benchmarkModel", () => {
  it("gives the asked number of runs and what was run", async () => {
    const result = await benchmarkModel(cnn, { data, runs: 25, warmup: 1, threads: 2 });
    expect(result).toMatchObject({
      runs: 25,
      threads: 2,
      data: "given",
      inputs: { image: [1, 1, 28, 28] },
      size: statSync(cnn).size,
    });
    expect(result.loadMs).toBeGreaterThan(0);
    expect(result.minMs).toBeLessThanOrEqual(result.meanMs);
    expect(result.cv).toBeGreaterThanOrEqual(0);
  });

  it("makes its own input, and refuses options out of range", async () => {
    expect((await benchmarkModel(vit, { runs: 1 })).data).toBe("random (seeded)");
    await expect(benchmarkModel(vit, { runs: 0 })).rejects.toThrow(/runs/);
  });
});

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readOnnx, writeOnnx } from "../lib/index.js";
import { modelFiles } from "../lib/onnx/model-bytes.js";
import { exportTransformersJs, suffixOf } from "../lib/optimize/export-transformersjs.js";
import { tritonConfig } from "../lib/optimize/export-triton.js";
import { openMetric } from "../lib/optimize/metric.js";
import { PairedValues } from "../lib/optimize/paired-drop.js";
import { measureParts, type Part, partOf, partSource } from "../lib/optimize/parts.js";
import type { Tensor } from "../lib/tensor.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const inputs = [{ name: "x", dtype: "float32", shape: ["n", 1] }] as const;

function samples(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    feeds: { x: { data: Float32Array.of(i), shape: [1, 1] } },
    label: i % 3,
  }));
}

async function numbersOf(part: Part, count: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { feeds } of partSource({ source: samples(count), inputs }, part)())
    found.push(Number((feeds.x as Tensor).data[0]));
  return found;
}

describe("parts of the data", () => {
  it("share out every sample once, in the shares stated, and alike for the samples before others", async () => {
    const parts = await Promise.all(
      (["calibration", "selection", "verdict", "reserve"] as const).map((part) => numbersOf(part, 1000)),
    );
    expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    for (const [i, share] of [4 / 16, 6 / 16, 3 / 16, 3 / 16].entries())
      expect(Math.abs(parts[i]!.length / 1000 - share)).toBeLessThan(0.04);
    expect(await numbersOf("verdict", 100)).toEqual(parts[2]!.filter((number) => number < 100));
  });

  it("do not follow the order of the data", () => {
    // Classes in turn, as many sets are sorted: each part has about as many of each.
    const counts = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const key = `${partOf(i)} ${i % 3}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const part of ["calibration", "selection", "verdict", "reserve"]) {
      const each = [0, 1, 2].map((label) => counts.get(`${part} ${label}`)!);
      expect(Math.max(...each) / Math.min(...each)).toBeLessThan(1.3);
    }
  });

  it("refuse data that is too small to be shared out", async () => {
    await expect(measureParts({ source: samples(8), inputs })).rejects.toMatchObject({
      code: "DATA_TOO_SMALL",
    });
  });
});

describe("PairedValues", () => {
  it("gives the mean difference and its 95 % interval", () => {
    const paired = new PairedValues(true);
    const worse = [1, 0, 0, 0, 1, -1, 0, 0, 0, 0];
    for (const each of worse) paired.add(1, 1 - each);
    const mean = 0.1;
    const variance = worse.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 9;
    const { drop, interval, original, candidate } = paired.result();
    expect(drop).toBeCloseTo(mean, 12);
    expect(original - candidate).toBeCloseTo(mean, 12);
    const reach = 1.959964 * Math.sqrt(variance / 10);
    expect(interval[0]).toBeCloseTo(mean - reach, 12);
    expect(interval[1]).toBeCloseTo(mean + reach, 12);
  });

  it("does not take no difference among few for none at all", () => {
    const paired = new PairedValues(false);
    for (let i = 0; i < 100; i++) paired.add(2, 2);
    expect(paired.result()).toMatchObject({ drop: 0, interval: [-0.03, 0.03] });
  });
});

function tensor(values: number[], shape = [1, values.length]): Record<string, Tensor> {
  return { y: { dtype: "float32", shape, data: Float32Array.from(values) } };
}

describe("metrics", () => {
  const feeds = {};
  it("score a sample", async () => {
    const reference = tensor([0.1, 0.5, 0.4]);
    const outputs = tensor([0.1, 0.3, 0.6]);
    const score = async (name: string, label?: number) =>
      (await openMetric(name)).score({ outputs, reference, label, feeds });
    expect(await score("top-1", 2)).toBe(1);
    expect(await score("top-1", 1)).toBe(0);
    expect(await score("top-2", 1)).toBe(1);
    expect(await score("agreement")).toBe(0);
    expect(await score("mae")).toBeCloseTo(0.4 / 3, 6);
    expect(await score("cosine")).toBeCloseTo(0.4 / Math.sqrt(0.42 * 0.46), 6);
  });

  it("compare the answers to every token", async () => {
    const { score } = await openMetric("agreement");
    const reference = tensor([1, 0, 0, 1, 1, 0], [1, 3, 2]);
    expect(score({ outputs: tensor([2, 0, 3, 1, 1, 0], [1, 3, 2]), reference, feeds })).toBeCloseTo(
      2 / 3,
      12,
    );
  });

  it("refuse a name that is none", async () => {
    await expect(openMetric("accuracy")).rejects.toThrow(
      /top-1, top-5, agreement, cosine, mae .* "accuracy"/,
    );
  });
});

describe("layouts for servers", () => {
  const value = (name: string, dtype: string, shape: (string | number)[]) => ({ name, dtype, shape });

  it("stack requests along an open first axis, and only there", () => {
    const open = { inputs: [value("x", "float32", ["n", 3, "w"])], outputs: [value("y", "int64", ["n"])] };
    expect(tritonConfig("net", open)).toBe(`name: "net"
platform: "onnxruntime_onnx"
max_batch_size: 32
input [
  {
    name: "x"
    data_type: TYPE_FP32
    dims: [ 3, -1 ]
  }
]
output [
  {
    name: "y"
    data_type: TYPE_INT64
    dims: [ 1 ]
    reshape { shape: [ ] }
  }
]
`);
    const fixed = { inputs: [value("x", "float32", [1, 3])], outputs: [value("y", "float32", ["n"])] };
    expect(tritonConfig("net", fixed)).toContain("max_batch_size: 0");
    expect(tritonConfig("net", fixed)).toContain("dims: [ 1, 3 ]");
  });

  it("keep names of models from meaning anything else", () => {
    const hostile = { inputs: [value('x" }\n', "float32", [1])], outputs: [] };
    expect(tritonConfig("net", hostile)).toContain('name: "x\\042 }\\012"');
    const odd = { inputs: [value("x", "complex64", [1])], outputs: [] };
    expect(() => tritonConfig("net", odd)).toThrow(/Triton has no type for x, which is complex64/);
    const rankless = { inputs: [], outputs: [{ name: "y", dtype: "float32" }] };
    expect(() => tritonConfig("net", rankless)).toThrow(/how many sizes y has/);
  });

  it("have the names that transformers.js asks for", () => {
    expect(suffixOf({ options: [{ operation: "quantize", mode: "static" }] })).toBe("_quantized");
    expect(suffixOf({ options: [{ operation: "quantize", mode: "weights", bits: 4 }] })).toBe("_q4");
    expect(suffixOf({ options: [{ operation: "quantize", mode: "float16" }] })).toBe("_fp16");
  });

  it("are single files for transformers.js, which calls external data otherwise", async () => {
    const model = readOnnx(carried("digits_dw.onnx"));
    const [external] = await writeOnnx(join(folder, "external.onnx"), model, { externalData: true });
    expect(modelFiles(external!).size).toBe(2);
    const target = await exportTransformersJs(folder, external!, external!, { options: [] });
    expect(readdirSync(join(target, "onnx")).sort()).toEqual(["model.onnx", "model_quantized.onnx"]);
    const names = (path: string) => [...readOnnx(path).tensors.keys()];
    expect(names(join(target, "onnx/model_quantized.onnx"))).toEqual(names(carried("digits_dw.onnx")));
  });
});

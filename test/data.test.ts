import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, test } from "vitest";
import type { Batch } from "../lib/data/batches.js";
import { type DatasetOptions, type DatasetSource, openDataset } from "../lib/data/open-dataset.js";
import { randomDataset } from "../lib/data/random-dataset.js";
import type { ValueInfo } from "../lib/data/value-info.js";
import { type Tensor, writeSafetensors } from "../lib/index.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const pair: ValueInfo = { name: "x", dtype: "float32", shape: ["batch", 2] };

function floats(shape: number[], start = 0): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length }, (_, i) => start + i) };
}

async function saved(tensors: Record<string, Tensor>): Promise<string> {
  const path = join(folder, `${Math.random()}.safetensors`);
  await writeSafetensors(path, tensors);
  return path;
}

async function collect(dataset: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of dataset) list.push(batch);
  return list;
}

async function batches(source: DatasetSource, options: DatasetOptions): Promise<Batch[]> {
  return collect(await openDataset(source, options));
}

/** For every batch: its shape, how many samples it holds, and its values. */
function outline(list: Batch[], name = "x") {
  return list.map(({ feeds, count }) => [
    feeds[name]!.shape,
    count,
    [...(feeds[name]!.data as Float32Array)],
  ]);
}

function samples(count: number, shape: number[] = [1, 2]) {
  return Array.from({ length: count }, (_, i) => ({ feeds: { x: floats(shape, 10 * i) } }));
}

describe("batches", () => {
  it("hold up to 32 samples where the first size is open", async () => {
    const list = await batches(await saved({ x: floats([70, 2]) }), { inputs: [pair] });
    expect(list.map(({ count, padding }) => [count, padding])).toEqual([
      [32, 0],
      [32, 0],
      [6, 0],
    ]);
    expect(list[1]!.feeds.x).toEqual({ ...floats([32, 2], 64) });
  });

  it("hold exactly k where the model fixes k, the last one padded with its last sample", async () => {
    const inputs = [{ ...pair, shape: [2, 2] }];
    const list = await batches(await saved({ x: floats([3, 2]) }), { inputs });
    expect(outline(list)).toEqual([
      [[2, 2], 2, [0, 1, 2, 3]],
      [[2, 2], 1, [4, 5, 4, 5]],
    ]);
    expect(list.map(({ padding }) => padding)).toEqual([0, 1]);
  });

  it("stack only neighbours of one shape", async () => {
    const inputs = [{ ...pair, shape: ["batch", "steps"] }];
    const list = await batches([...samples(2), ...samples(1, [1, 3]), ...samples(1)], { inputs });
    expect(outline(list).map(([shape]) => shape)).toEqual([
      [2, 2],
      [1, 3],
      [1, 2],
    ]);
  });

  it("leave a sample alone that has several rows itself", async () => {
    const list = await batches(samples(2, [3, 2]), { inputs: [pair] });
    expect(outline(list).map(([shape, count]) => [shape, count])).toEqual([
      [[3, 2], 1],
      [[3, 2], 1],
    ]);
  });

  it("hold one sample where an input has no batch; a tensor of a rank more gives it whole", async () => {
    const inputs: ValueInfo[] = [
      pair,
      { name: "state", dtype: "float32", shape: [2, "batch", 3] },
      { name: "rate", dtype: "float32", shape: [] },
    ];
    const path = await saved({ x: floats([4, 2]), state: floats([4, 2, 1, 3]), rate: floats([4]) });
    const list = await batches(path, { inputs });
    expect(list).toHaveLength(4);
    expect(list[1]!.feeds).toEqual({
      x: floats([1, 2], 2),
      state: floats([2, 1, 3], 6),
      rate: floats([], 1),
    });
  });

  it("end after the number of samples asked for", async () => {
    const path = await saved({ x: floats([70, 2]) });
    expect((await batches(path, { inputs: [pair], samples: 40 })).map(({ count }) => count)).toEqual([32, 8]);
    expect(
      (await batches(samples(9), { inputs: [pair], samples: 5, batch: 4 })).map(({ count }) => count),
    ).toEqual([4, 1]);
  });

  it("carry labels of any integer type", async () => {
    const y: Tensor = { dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 1n) };
    const [batch] = await batches(await saved({ x: floats([3, 2]), y }), { inputs: [pair], labels: "y" });
    expect(batch!.labels).toEqual([2, 0, 1]);
  });
});

describe("sources", () => {
  it("takes modules: arrays, generator functions, and async ones", async () => {
    for (const body of [
      "[{ feeds: { x: new Float32Array([1, 2]) }, label: 1 }]",
      "function* () { yield { feeds: { x: new Float32Array([1, 2]) }, label: 1n }; }",
      "async () => [{ feeds: { x: { type: 'float32', dims: [1, 2], data: new Float32Array([1, 2]) } }, label: 1 }]",
    ]) {
      const path = join(folder, `${Math.random()}.mjs`);
      writeFileSync(path, `export default ${body}`);
      const expected = [{ feeds: { x: floats([1, 2], 1) }, count: 1, padding: 0, labels: [1] }];
      expect(await batches(path, { inputs: [pair] })).toEqual(expected);
      expect(await batches(pathToFileURL(path), { inputs: [pair] })).toEqual(expected);
    }
  });

  it("reads a source twice, unless it is an iterator, which says so", async () => {
    function* draw() {
      yield* samples(3);
    }
    for (const source of [samples(3), draw]) {
      const dataset = await openDataset(source, { inputs: [pair] });
      expect(await collect(dataset)).toEqual(await collect(dataset));
    }
    const once = await openDataset(draw(), { inputs: [pair] });
    expect(await collect(once)).toHaveLength(1);
    await expect(collect(once)).rejects.toThrow(/only once/);
  });
});

describe("data that does not fit gives DATA_MISMATCH", () => {
  const data = Float32Array.of(1, 2);
  test.each<[string, DatasetSource, string | undefined, RegExp]>([
    ["an unknown input", [{ feeds: { z: data } }], "z", /no such input.*x float32 \[batch, 2\]/],
    ["a missing input", [{ feeds: {} }], "x", /lacks this input.*x float32/],
    ["a wrong type", [{ feeds: { x: Int8Array.of(1, 2) } }], "x", /expected float32 but received int8/],
    [
      "a type unlike its array",
      [{ feeds: { x: { dtype: "float32", shape: [1, 2], data: Int8Array.of(1, 2) } } }],
      "x",
      /Int8Array/,
    ],
    ["a wrong rank", [{ feeds: { x: { data, shape: [2] } } }], "x", /expected rank 2 but received \[2\]/],
    ["a wrong size", [{ feeds: { x: { data, shape: [2, 1] } } }], "x", /expected 2 in dimension 1/],
    [
      "too few values",
      [{ feeds: { x: { data, shape: [2, 2] } } }],
      "x",
      /\[2, 2\] does not go with 2 values/,
    ],
    ["bare numbers that do not divide", [{ feeds: { x: Float32Array.of(1, 2, 3) } }], "x", /whole sizes/],
    ["a feed that is a list", [{ feeds: { x: [1, 2] as never } }], "x", /typed array/],
    ["a sample that is none", [7 as never], undefined, /a sample must be/],
    ["feeds that are none", [{ feeds: null as never }], undefined, /a sample must be/],
    ["a negative label", [{ feeds: { x: data }, label: -1 }], "label", /integer from 0/],
    [
      "labels on some only",
      [{ feeds: { x: data }, label: 1 }, { feeds: { x: data } }],
      "label",
      /to all or to none/,
    ],
    ["no samples", [], undefined, /no samples/],
    ["no iterable", 5 as never, undefined, /an iterable/],
  ])("%s", async (_, source, field, says) => {
    await expect(batches(source, { inputs: [pair] })).rejects.toMatchObject({
      name: "ModelFormatError",
      code: "DATA_MISMATCH",
      field,
      message: expect.stringMatching(says),
    });
  });

  const y = (values: number[]): Tensor => ({
    dtype: "int32",
    shape: [values.length],
    data: Int32Array.from(values),
  });
  test.each<[string, Record<string, Tensor>, string | undefined, string, RegExp]>([
    ["a file without the input", { z: floats([1, 2]) }, undefined, "x", /it holds z.*x float32 \[batch, 2\]/],
    ["a file of another type", { x: y([1]) }, undefined, "x", /rank 2/],
    ["a file of another size", { x: floats([4, 3]) }, undefined, "x", /expected 2 in dimension 1/],
    ["a file without the labels", { x: floats([1, 2]) }, "y", "y", /no tensor of this name.*holds x/],
    ["labels of floats", { x: floats([2, 2]), y: floats([2]) }, "y", "y", /2 integers, one per sample/],
    ["too few labels", { x: floats([2, 2]), y: y([1]) }, "y", "y", /2 integers/],
    ["a negative label", { x: floats([2, 2]), y: y([1, -1]) }, "y", "y", /label -1 of sample 1/],
  ])("%s", async (_, tensors, labels, field, says) => {
    const path = await saved(tensors);
    await expect(openDataset(path, { inputs: [pair], labels })).rejects.toMatchObject({
      code: "DATA_MISMATCH",
      path,
      field,
      message: expect.stringMatching(says),
    });
  });

  it("inputs with unlike numbers of samples", async () => {
    const inputs = [pair, { ...pair, name: "z" }];
    const path = await saved({ x: floats([2, 2]), z: floats([3, 2]) });
    await expect(openDataset(path, { inputs })).rejects.toMatchObject({
      field: "z",
      message: expect.stringMatching(/3 samples, but x has 2/),
    });
  });

  it("labels named for a module", async () => {
    await expect(openDataset("data.mjs", { inputs: [pair], labels: "y" })).rejects.toMatchObject({
      field: "y",
    });
  });

  it("and what is no data at all gives codes of its own", async () => {
    await expect(openDataset("data.csv", { inputs: [pair] })).rejects.toMatchObject({
      code: "FORMAT_UNKNOWN",
    });
    await expect(openDataset(join(folder, "none.mjs"), { inputs: [pair] })).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
    });
    await expect(openDataset(samples(1), { inputs: [pair], samples: 0 })).rejects.toThrow(RangeError);
    await expect(openDataset(samples(1), { inputs: [] })).rejects.toThrow(/no inputs/);
  });
});

describe("randomDataset", () => {
  const inputs: ValueInfo[] = [
    { name: "image", dtype: "float32", shape: ["n", 3, "h", "w"] },
    { name: "input_ids", dtype: "int64", shape: ["n", "steps"] },
    { name: "attention_mask", dtype: "int64", shape: ["n", "steps"] },
    { name: "state", dtype: "float16", shape: [2, "n", "?"] },
    { name: "raw", dtype: "uint8", shape: ["n", 4] },
  ];

  it("takes the documented sizes, one size for one name", async () => {
    const [batch] = await collect(randomDataset(inputs, { samples: 1 }));
    const shapes = Object.values(batch!.feeds).map(({ shape }) => shape);
    expect(shapes).toEqual([
      [1, 3, 224, 224],
      [1, 16],
      [1, 16],
      [2, 1, 16],
      [1, 4],
    ]);
  });

  it("draws normal floats and small integers, and masks of ones", async () => {
    const [batch] = await collect(randomDataset(inputs, { samples: 1 }));
    const { image, input_ids, attention_mask } = batch!.feeds;
    const pixels = image!.data as Float32Array;
    const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
    expect([...(input_ids!.data as BigInt64Array)].every((id) => id >= 0n && id < 10n)).toBe(true);
    expect(new Set(attention_mask!.data as BigInt64Array)).toEqual(new Set([1n]));
  });

  it("gives equal data for equal seeds, at every pass, and other data for others", async () => {
    const small = [pair];
    const draw = (seed: number) => collect(randomDataset(small, { samples: 3, seed }));
    const dataset = randomDataset(small, { samples: 3, seed: 7 });
    expect(await collect(dataset)).toEqual(await collect(dataset));
    expect(await draw(7)).toEqual(await collect(dataset));
    expect(await draw(8)).not.toEqual(await draw(7));
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Batch } from "../lib/data/batches.js";
import { KeptSamples } from "../lib/data/kept-samples.js";
import { compareModels, type QuantizeOptions, quantizeModel } from "../lib/index.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");
const data = calibrationSamples().slice(0, 64);
/** A range so narrow that the values of one tensor are lost; whoever gives it is believed. */
const spoiled: QuantizeOptions = { overrides: { "/f/f.1/f.1.2/Relu_output_0": { min: 0, max: 0.05 } } };

function quantize(options: QuantizeOptions = {}) {
  return quantizeModel(model, { output: join(folder, "out.onnx"), data, ...options });
}

describe("keepFloat", () => {
  it("leaves the nodes in float that make and read what was spoiled, and no others", async () => {
    const { keepFloat, nodes, files, size } = await quantize(spoiled);
    expect(keepFloat!.beforeDb).toBeLessThan(10);
    expect(keepFloat!.afterDb).toBeGreaterThan(20);
    expect(keepFloat!.heldOutDb).toBeGreaterThan(20);
    const around = ["/f/f.1/f.1.0/Conv", "/f/f.2/f.2.0/Conv"];
    expect(keepFloat!.nodes.map(({ name }) => name).sort()).toEqual(around);
    expect(keepFloat!.nodes.map(({ weights }) => weights)).toEqual(["int8", "int8"]);
    for (const name of around)
      expect(nodes.find((node) => node.name === name)).toMatchObject({
        treatment: "weights int8",
        reason: expect.stringMatching(/: in 8 bits it alone leaves the outputs -?\d+\.\d dB$/),
      });
    expect(nodes.filter(({ treatment }) => treatment === "int8").length).toBeGreaterThan(3);
    expect(size.after / size.before).toBeLessThan(0.3);
    const { outputs } = await compareModels(model, files[0]!, { data, latency: false });
    expect(outputs[0]!.sqnrDb).toBeGreaterThan(20);
  });

  it("can be turned off", async () => {
    const { keepFloat, nodes, files } = await quantize({ ...spoiled, keepFloat: false });
    expect(keepFloat).toBeUndefined();
    expect(nodes.every(({ treatment }) => treatment === "int8" || treatment === "merged")).toBe(true);
    const { outputs } = await compareModels(model, files[0]!, { data, latency: false });
    expect(outputs[0]!.sqnrDb).toBeLessThan(10);
  });

  it("leaves a model alone that is fine", async () => {
    const { keepFloat } = await quantize();
    expect(keepFloat).toMatchObject({ targetDb: 20, nodes: [] });
    expect(keepFloat!.afterDb).toBe(keepFloat!.beforeDb);
    expect(keepFloat!.afterDb).toBeGreaterThan(35);
    expect(keepFloat).not.toHaveProperty("heldOutDb");
  });

  it("aims at what is asked, and says how near it came within its budget", async () => {
    const { beforeDb } = (await quantize()).keepFloat!;
    const { keepFloat, warnings } = await quantize({ minSqnr: beforeDb + 0.5, correctBias: false });
    expect(keepFloat!.nodes.length).toBeGreaterThan(0);
    expect(keepFloat!.afterDb).toBeGreaterThanOrEqual(beforeDb + 0.5);
    expect(warnings).toEqual([]);
    const beyond = await quantize({ minSqnr: 100 });
    expect(beyond.warnings).toContainEqual(
      expect.stringMatching(/keep only \d+\.\d dB, .* bring them to 100/),
    );
  });

  it("does with one sample, of which none can be held out", async () => {
    const { keepFloat } = await quantize({ ...spoiled, samples: 1 });
    expect(keepFloat!.afterDb).toBeGreaterThan(20);
    expect(keepFloat).not.toHaveProperty("heldOutDb");
  });

  it.each([0, -1, Number.NaN, 101])("refuses a target of %d", async (minSqnr) => {
    await expect(quantize({ minSqnr })).rejects.toThrow(RangeError);
  });
});

describe("samples kept from a pass", () => {
  const inputs = [{ name: "x", dtype: "float32", shape: ["n", 1] }] as const;
  async function keep(counts: number[], width = 1) {
    let next = 0;
    const batches = counts.map((count): Batch => {
      const values = new Float32Array(count * width);
      for (let row = 0; row < count; row++) values.fill(next++, row * width, (row + 1) * width);
      return { feeds: { x: { dtype: "float32", shape: [count, width], data: values } }, count, padding: 0 };
    });
    const kept = new KeptSamples();
    async function* iterate() {
      yield* batches;
    }
    const watched = kept.watch({ samples: undefined, [Symbol.asyncIterator]: iterate }, inputs);
    let seen = 0;
    // Twice, as where a cache is stale: what is kept is of one pass.
    for (const _ of [0, 1]) for await (const { count } of watched) seen += count;
    expect(seen).toBe(2 * next);
    const valuesOf = (part: Batch[]) =>
      part.flatMap(({ feeds }) => [...(feeds.x!.data as Float32Array)].filter((_, i) => i % width === 0));
    const { choosing, heldOut } = kept.parts;
    return { choosing: valuesOf(choosing), heldOut: valuesOf(heldOut) };
  }

  it("are few, spread over it, and of two kinds", async () => {
    const { choosing, heldOut } = await keep(new Array(100).fill(32));
    expect(choosing.length).toBe(14);
    expect(heldOut.length).toBe(14);
    expect(choosing.filter((value) => heldOut.includes(value))).toEqual([]);
    expect(Math.max(...choosing)).toBeGreaterThan(2800);
  });

  it("are as many where batches hold one each, and fewer where these are large", async () => {
    const { choosing, heldOut } = await keep(new Array(48).fill(1));
    expect([choosing.length, heldOut.length]).toEqual([12, 12]);
    const large = await keep(new Array(48).fill(1), 2 ** 20);
    expect([large.choosing.length, large.heldOut.length]).toEqual([3, 3]);
  });

  it("share what little there is", async () => {
    expect(await keep([1])).toEqual({ choosing: [0], heldOut: [] });
    expect(await keep([1, 1, 1])).toEqual({ choosing: [0, 2], heldOut: [1] });
    expect(await keep([3])).toEqual({ choosing: [0], heldOut: [1] });
  });
});

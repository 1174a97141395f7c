import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { openMetric, openMetrics } from "../lib/optimize/metric.js";
import { Scores } from "../lib/optimize/scores.js";
import type { Tensor } from "../lib/tensor.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const feeds = {};

function logits(...values: number[]): Record<string, Tensor> {
  return { y: { dtype: "float32", shape: [1, values.length], data: Float32Array.from(values) } };
}

function metricModule(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("scores of two models", () => {
  it("are told for each metric, with the flips of the first", async () => {
    const scores = new Scores(await openMetrics(["top-1", "mae"], true));
    scores.add({ reference: logits(0, 3), label: 1, feeds }, logits(0, 2));
    scores.add({ reference: logits(0, 1), label: 1, feeds }, logits(2, 1));
    expect(scores.samples).toBe(2);
    expect(scores.values()).toMatchObject([
      { name: "top-1", original: 1, candidate: 0.5, drop: 0.5, samples: 2 },
      { name: "mae", original: 0, candidate: 0.75, drop: 0.75 },
    ]);
    expect(scores.flipRates()!.lost).toBeGreaterThan(0);
    expect(new Scores(await openMetrics(["mae"], true)).flipRates()).toBeUndefined();
  });

  test.each([
    ["a module that throws", "export default () => { throw new Error('no table'); };", /no table$/],
    ["one that gives nothing", "export default () => {};", /a number is wanted, and it is undefined$/],
    ["one that gives a promise", "export default async () => 1;", /and it is Promise$/],
    ["one that gives NaN", "export default () => NaN;", /and it is NaN$/],
  ])("end with the name of the metric and the sample: %s", async (name, text, message) => {
    const path = metricModule(`${name.replaceAll(" ", "-")}.mjs`, text);
    const scores = new Scores([await openMetric(path)]);
    const add = () => scores.add({ reference: logits(1), feeds }, logits(1));
    expect(add).toThrow(
      expect.objectContaining({ code: "METRIC_FAILED", message: expect.stringMatching(message) }),
    );
    expect(add).toThrow(`${path} of the original, sample 2: `);
  });

  it("blame the candidate for outputs that are no numbers", async () => {
    const scores = new Scores([await openMetric("cosine")]);
    expect(() => scores.add({ reference: logits(1, 2), feeds }, logits(1, Number.NaN))).toThrow(
      expect.objectContaining({ code: "OUTPUT_INVALID", message: expect.stringContaining("candidate") }),
    );
  });

  test.each([-1, 2, 0.5])("refuse the label %s for two classes", async (label) => {
    const scores = new Scores([await openMetric("top-1")]);
    expect(() => scores.add({ reference: logits(1, 2), label, feeds }, logits(1, 2))).toThrow(
      `the label ${label} is none of the model's 2 classes`,
    );
  });
});

describe("modules of metrics", () => {
  test.each([
    ["missing.mjs", undefined, "FILE_UNREADABLE", /missing.mjs: there is no such file$/],
    ["broken.mjs", "export default (", "FILE_UNREADABLE", /broken.mjs: ./],
    [
      "none.mjs",
      "export const score = 1;",
      "DATA_MISMATCH",
      /the default export of a metric must be a function$/,
    ],
  ])("that are none are refused: %s", async (name, text, code, message) => {
    const path = text === undefined ? join(folder, name) : metricModule(name, text);
    await expect(openMetric(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe("labels", () => {
  it("are asked for by metrics that need them", async () => {
    await expect(openMetrics(["mae", "top-5"], false)).rejects.toMatchObject({
      code: "DATA_MISMATCH",
      message: expect.stringContaining("top-5 compares with labels"),
    });
    const needing = metricModule("needing.mjs", "const f = () => 1; f.needsLabels = true; export default f;");
    await expect(openMetrics([needing], false)).rejects.toMatchObject({ code: "DATA_MISMATCH" });
    expect((await openMetrics(["mae"], false)).map(({ name }) => name)).toEqual(["mae"]);
  });
});

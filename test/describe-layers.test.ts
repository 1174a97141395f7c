import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pruneModel, quantizeModel } from "../lib/index.js";
import { describeLayers } from "../lib/optimize/describe-layers.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const original = carried("digits_dw.onnx");

describe("describeLayers", () => {
  it("tells how many channels are left, and why small weights stay in float", async () => {
    const pruned = join(folder, "pruned.onnx");
    const stored = join(folder, "stored.onnx");
    await pruneModel(original, { pattern: "channel", sparsity: 0.25, output: pruned });
    const { nodes, ranges } = await quantizeModel(pruned, { mode: "weights", output: stored });
    const layers = describeLayers(original, stored, { nodes, ranges }, undefined);
    const reasons = layers.map(({ reason }) => reason);
    expect(reasons.join("\n")).toMatch(/^makes \d+ of \d+ channels, .*; weight stored in int8/m);
    expect(reasons.join("\n")).toMatch(/reads \d+ of \d+ channels; /);
    expect(reasons.join("\n")).toMatch(/its weight of \d+ bytes is so small/);
    expect(layers.find(({ treatment }) => treatment === "weights int8")!.weights!.steps).toHaveLength(2);
  });
});

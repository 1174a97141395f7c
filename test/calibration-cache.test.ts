import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { type QuantizeOptions, quantizeModel } from "../lib/index.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const model = carried("digits_dw.onnx");
const data = calibrationSamples().slice(0, 8);
let files = 0;
const newPath = () => join(folder, `ranges-${files++}.json`);

async function quantize(calibrationCache: string, options: QuantizeOptions = {}) {
  const output = join(folder, "out.onnx");
  const stages = new Set<string>();
  const onProgress = ({ stage }: { stage: string }) => void stages.add(stage);
  const result = await quantizeModel(model, { output, data, calibrationCache, onProgress, ...options });
  return { ...result, calibrated: stages.has("calibrate"), bytes: readFileSync(output) };
}

describe("a calibration cache", () => {
  it("is written, then used in place of running the model, with the same result", async () => {
    const path = newPath();
    const first = await quantize(path);
    expect(first).toMatchObject({ calibrationCache: { path, state: "written" }, calibrated: true });
    const second = await quantize(path);
    expect(second).toMatchObject({
      calibrationCache: { path, state: "used" },
      calibrated: false,
      samples: 8,
    });
    expect(second.bytes.equals(first.bytes)).toBe(true);
    expect(second.ranges).toEqual(first.ranges);
    const { ranges, ...facts } = JSON.parse(readFileSync(path, "utf8"));
    expect(facts).toMatchObject({ format: "modelpress calibration", version: 1, method: "mse", samples: 8 });
    expect(ranges.image).toMatchObject({ min: 0, max: 1, count: 8 * 784 });
    // The same samples from elsewhere.
    const generate = async function* () {
      yield* data;
    };
    expect((await quantize(path, { data: generate })).calibrationCache).toEqual({ path, state: "used" });
  });

  test.each<[string, QuantizeOptions, string]>([
    ["order of samples", { data: data.toReversed() }, "another data"],
    ["number of samples", { samples: 7 }, "another data"],
    ["method", { calibrate: "entropy" }, "another method"],
    ["percentile", { calibrate: "percentile", percentile: 99 }, "another method"],
    ["choice of nodes", { exclude: ["/f/f.0/f.0.0/Conv"] }, "another model"],
    ["graph before quantizing", { equalize: true, calibrate: "minmax" }, "another model, another method"],
  ])("is replaced where the %s differs, and that is said", async (_, options, reason) => {
    const path = newPath();
    await quantize(path, options.percentile ? { calibrate: "percentile", percentile: 98 } : {});
    expect(await quantize(path, options)).toMatchObject({
      calibrationCache: { path, state: "replaced", reason },
      calibrated: true,
    });
    expect((await quantize(path, options)).calibrationCache).toEqual({ path, state: "used" });
  });

  test.each<[string, (text: string) => string, RegExp]>([
    [
      "with a range changed",
      (text) => text.replace('"max": 1,', '"max": 2,'),
      /damaged or was changed by hand/,
    ],
    [
      "with a range turned",
      (text) => text.replace('"max": 1,', '"max": -1,'),
      /ranges\.image: min is above max/,
    ],
    [
      "with a range lost",
      (text) => text.replace(/,\s*"image": \{[^}]+\}/, ""),
      /damaged or was changed by hand/,
    ],
    ["of another version", (text) => text.replace('"version": 1', '"version": 2'), /version/],
    ["cut short", (text) => text.slice(0, 200), /not a calibration cache/],
    ["that is something else", () => "important notes", /not a calibration cache/],
  ])("%s is refused and left alone", async (_, damage, message) => {
    const path = newPath();
    await quantize(path);
    const damaged = damage(readFileSync(path, "utf8"));
    writeFileSync(path, damaged);
    await expect(quantize(path)).rejects.toMatchObject({
      code: "CACHE_INVALID",
      path,
      message: expect.stringMatching(message),
    });
    expect(readFileSync(path, "utf8")).toBe(damaged);
  });

  it("needs samples that can be read twice", async () => {
    const once = (function* () {
      yield* data;
    })();
    await expect(quantize(newPath(), { data: once })).rejects.toMatchObject({
      code: "DATA_MISMATCH",
      message: expect.stringContaining("can be read only once"),
    });
  });
});

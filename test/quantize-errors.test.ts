import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import { ModelOperationError, quantizeModel } from "../lib/index.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
// A folder of this file's own: tests in other processes make and remove theirs at the same time.
process.env.TMPDIR = folder;

describe("what cannot be done says why, and leaves nothing behind", () => {
  const digits = carried("digits_cnn.onnx");
  const image = (data: Float32Array) => [{ feeds: { image: { shape: [1, 1, 28, 28], data } } }];
  const weightless = modelFile(
    buildModel({ nodes: [{ op: "Relu", in: ["x"], out: ["y"] }], inputs: { x: [1] }, outputs: ["y"] }),
  );
  const oldOpset = modelFile(
    buildModel(
      {
        nodes: [
          { op: "MatMul", in: ["x", "w"], out: ["p"] },
          // An operator whose way to a later set is not known here.
          { op: "MeanVarianceNormalization", in: ["p"], out: ["y"] },
        ],
        initializers: [floats("w", [1, 1], [1])],
        inputs: { x: [1, 1, 1, 1] },
        outputs: ["y"],
      },
      9,
    ),
  );
  const infinite = modelFile(
    buildModel({
      nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"] }],
      initializers: [floats("w", [1, 2], [1, Infinity])],
      inputs: { x: [1, 1] },
      outputs: ["y"],
    }),
  );
  test.each<[string, string | Uint8Array, QuantizeOptions, string]>([
    ["static without data", digits, { mode: "static" }, "CALIBRATION_NEEDED"],
    ["how many samples, without data", digits, { samples: 8 }, "CALIBRATION_NEEDED"],
    ["how ranges are found, without data", digits, { calibrate: "entropy" }, "CALIBRATION_NEEDED"],
    ["a cache of ranges, without data", digits, { calibrationCache: "ranges.json" }, "CALIBRATION_NEEDED"],
    ["no samples", digits, { data: [] }, "DATA_MISMATCH"],
    [
      "NaN in the samples",
      digits,
      { data: image(new Float32Array(784).fill(Number.NaN)) },
      "CALIBRATION_INVALID",
    ],
    ["a sample of the wrong shape", digits, { data: image(new Float32Array(10)) }, "DATA_MISMATCH"],
    [
      "a sample of the wrong name",
      digits,
      { data: [{ feeds: { picture: new Float32Array(784) } }] },
      "DATA_MISMATCH",
    ],
    ["nothing to quantize", weightless, {}, "NOTHING_TO_QUANTIZE"],
    ["an operator set without quantized operators", oldOpset, { mode: "dynamic" }, "UNSUPPORTED_MODEL"],
    ["an unknown node to exclude", digits, { exclude: ["nope"] }, "UNSUPPORTED_MODEL"],
    ["a weight that is not finite", infinite, {}, "TENSOR_INVALID"],
    ["a file that is no model", carried("digits.safetensors"), {}, "MODEL_INVALID"],
    ["a missing file", join(folder, "missing.onnx"), {}, "FILE_UNREADABLE"],
  ])("%s", async (_, input, options, code) => {
    const target = join(folder, "refused");
    mkdirSync(target, { recursive: true });
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("modelpress-")).length;
    const error = await quantizeModel(input, { ...options, output: join(target, "out.onnx") }).catch(
      (e) => e,
    );
    expect(error.code).toContain(code);
    // Not a copy that is gone by now.
    expect(error.message).not.toMatch(/modelpress-(?!test)/);
    expect(readdirSync(target)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("modelpress-")).length).toBe(before);
  });

  test.each([
    ["mode", { mode: "fast" }],
    ["weights", { weights: "int4" }],
    ["samples", { samples: 0 }],
    ["weights", { activations: "int8", weights: "uint8" }],
  ])("a wrong %s is named", async (name, options) => {
    await expect(quantizeModel(digits, options as QuantizeOptions)).rejects.toThrow(
      expect.objectContaining({
        name: "RangeError",
        message: expect.stringContaining(`for ${name} but received`),
      }),
    );
  });

  it("an abort ends it at once, with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const work = quantizeModel(digits, {
      data: calibrationSamples(),
      signal: controller.signal,
      onProgress: ({ stage }) => stage === "calibrate" && controller.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
  });

  it("NaN in the samples is told by the input that has it, a file of another format by what it is", async () => {
    const data = image(new Float32Array(784).fill(Number.NaN));
    await expect(quantizeModel(digits, { data })).rejects.toThrow(
      /input image: the calibration data holds NaN/,
    );
    await expect(quantizeModel(carried("digits.safetensors"))).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("its bytes are safetensors"),
    });
  });

  it("a model that onnxruntime refuses is its error, not a hang", async () => {
    const cyclic = buildModel({
      nodes: [
        { op: "MatMul", in: ["b", "w"], out: ["a"] },
        { op: "MatMul", in: ["a", "w"], out: ["b"] },
      ],
      initializers: [floats("w", [1, 1], [1])],
      outputs: ["b"],
    });
    await expect(quantizeModel(modelFile(cyclic))).rejects.toBeInstanceOf(ModelOperationError);
    await expect(quantizeModel(modelFile(cyclic), { prepare: false })).rejects.toThrow(/cycle/);
  });

  it("the input is never changed", async () => {
    const before = readFileSync(digits);
    await quantizeModel(digits, {
      data: calibrationSamples().slice(0, 4),
      output: join(folder, "other.onnx"),
    });
    expect(readFileSync(digits).equals(before)).toBe(true);
  });
});

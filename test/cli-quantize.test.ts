import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it, test } from "vitest";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");

/** Calibration data as a user writes it: a module that reads some images. */
const calibration = join(folder, "calibration.mjs");
writeFileSync(
  calibration,
  `import { readSafetensors } from ${JSON.stringify(pathToFileURL(join(fileURLToPath(new URL("../dist/", import.meta.url)), "index.js")))};
export default async function* () {
  const { tensors } = readSafetensors(${JSON.stringify(carried("digits.safetensors"))});
  const { data } = tensors.get("calib");
  for (let i = 0; i < 40; i++)
    yield { feeds: { image: Float32Array.from(data.subarray(i * 784, (i + 1) * 784), (pixel) => pixel / 255) } };
}
`,
);

function modelpress(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("modelpress quantize", () => {
  it("quantizes with samples from a module, and says what became what", () => {
    const output = join(folder, "static.onnx");
    const { status, stdout, stderr } = modelpress("quantize", model, "-o", output, "--data", calibration);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^static\.onnx: 1\.05 MB -> 270 kB \(-74\.2 %\)\n/);
    expect(stdout).toMatch(/static: calibration data was given; 40 calibration samples/);
    expect(stdout).toMatch(/Conv +int8 +4\n/);
    expect(existsSync(output)).toBe(true);
  });

  it("prints one JSON object with --json, and nothing else", () => {
    const output = join(folder, "json.onnx");
    const args = ["--json", "--samples", "8", "--exclude", "/fc2/Gemm"];
    const { status, stdout, stderr } = modelpress(
      "quantize",
      model,
      "-o",
      output,
      "--data",
      calibration,
      ...args,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ input: model, files: [output], mode: "static", samples: 8 });
    expect(result.ranges.image).toMatchObject({ min: 0, max: 1, scale: Math.fround(1 / 255), zeroPoint: 0 });
    expect(result.nodes).toContainEqual(expect.objectContaining({ name: "/fc2/Gemm", treatment: "float" }));
    expect(result.model).toBeUndefined();
  });

  test.each([
    ["no output", [model], 2, /-o, --output/],
    ["the input as output", [model, "-o", model], 2, /name of its own/],
    ["an unknown mode", [model, "-o", "x.onnx", "--mode", "magic"], 2, /Allowed choices/],
    [
      "options that do not go together",
      [model, "-o", join(folder, "x.onnx"), "--data", calibration, "--percentile", "99"],
      2,
      /Expected "percentile" where percentile is given for calibrate but received "mse"/,
    ],
    [
      "a data file that is missing",
      [model, "-o", join(folder, "x.onnx"), "--data", "none.mjs"],
      1,
      /none\.mjs/,
    ],
    [
      "a node that is not there",
      [model, "-o", join(folder, "x.onnx"), "--exclude", "nope"],
      1,
      /no node named "nope"/,
    ],
    ["a file that is no model", [calibration, "-o", join(folder, "x.onnx")], 1, /calibration\.mjs.*WIRE_/],
    [
      "an output whose folder is a file",
      [model, "-o", join(calibration, "x.onnx")],
      1,
      /x\.onnx.*folder is a file/,
    ],
  ])("with %s ends with its exit code and one line", (_, args, code, message) => {
    const { status, stdout, stderr } = modelpress("quantize", ...args);
    expect(status).toBe(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "x.onnx"))).toBe(false);
  });
});

describe("modelpress inspect", () => {
  it("shows a model, and its nodes when asked", () => {
    const { status, stdout } = modelpress("inspect", model, "--nodes");
    expect(status).toBe(0);
    expect(stdout).toMatch(/quantization +not quantized/);
    expect(stdout).toMatch(/input +image float32 \[batch, 1, 28, 28\]/);
    expect(stdout).toMatch(/float32 +12 +261642 +1\.05 MB/);
    expect(stdout).toMatch(/Gemm +\/fc2\/Gemm/);
  });

  it("prints one JSON object with --json", () => {
    const { status, stdout } = modelpress("inspect", model, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ format: "onnx", nodeCount: 12, ops: { Conv: 4 } });
  });

  it("tells what a pickle would run, and recognises it by its bytes", () => {
    const pickle = join(folder, "pickle.onnx");
    copyFileSync(new URL("fixtures/joblib.joblib", import.meta.url), pickle);
    const { status, stdout } = modelpress("inspect", pickle);
    expect(status).toBe(0);
    expect(stdout).toMatch(/builtins\.print +1 +can run anything/);
    const json = JSON.parse(modelpress("inspect", pickle, "--json").stdout);
    expect(json).toMatchObject({ model: pickle, format: "joblib", verdict: "anything" });
  });

  it("--why tells what runs in integers, and why the rest does not", () => {
    const { status, stdout } = modelpress("inspect", model, "--why", "--target", "cpu-avx2");
    expect(status).toBe(0);
    expect(stdout).toMatch(/on cpu-avx2, as onnxruntime \d+\.\d+\.\d+ fuses it/);
    expect(stdout).toMatch(/Conv \/f\/.*: would run in integers when quantized statically\n/);
    expect(stdout).toMatch(/info: its 4 Conv would be 4 to 12 times slower in dynamic int8/);
    const json = JSON.parse(modelpress("inspect", model, "--why", "--runtime", "1.20", "--json").stdout);
    expect(json.why).toMatchObject({ runtime: { version: "1.20", measured: true }, pairs: [] });
    expect(json.why.nodes).toHaveLength(12);
    expect(modelpress("inspect", model, "--why", "--runtime", "newest").status).toBe(2);
    const wrong = modelpress("inspect", model, "--target", "web");
    expect(wrong).toMatchObject({ status: 2, stderr: "error: --target and --runtime go with --why\n" });
  });
});

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../lib/index.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = temporaryFolder();
const model = carried("digits_dw.onnx");
const output = join(folder, "pruned.onnx");

function prune(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "prune", ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("modelpress prune", () => {
  it("prunes, and says what became of each weight and what zeros are good for", () => {
    const { status, stdout, stderr } = prune(model, "-o", output, "--sparsity", "0.5", "--no-time");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^pruned\.onnx: 17552 of 35104 weights are 0 \(50\.00 %\)\n/);
    expect(stdout).toMatch(/fc\.weight +Gemm +1280 +\d+\.\d\d %\n/);
    expect(stdout).toMatch(/fewer than 256: onnx::Conv_106, onnx::Conv_109\n/);
    expect(stdout).toMatch(/^149 kB -> 149 kB dense: zeros are stored as every other value$/m);
    expect(stdout).toMatch(/^in a zip archive 79\.\d kB \(before: 13\d kB\)$/m);
    expect(stdout).toMatch(/^with the pruned weights as bitmasks [89]\d\.\d kB \(--storage bitmask\)$/m);
    expect(stdout).toMatch(/^zeros alone are no faster: onnxruntime multiplies by them/m);
    expect(stdout).not.toMatch(/measured/);
    expect(existsSync(output)).toBe(true);
  });

  it("prints one JSON object with --json, and nothing else", () => {
    const overrides = join(folder, "overrides.json");
    writeFileSync(overrides, '{ "fc.weight": "dense" }');
    const args = ["--pattern", "2:4", "--min-size", "1000", "--overrides", overrides];
    const { status, stdout, stderr } = prune("--json", model, "-o", output, ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { model: none, layers, ...result } = JSON.parse(stdout);
    expect(none).toBeUndefined();
    expect(result).toMatchObject({ input: model, files: [output], pattern: "2:4", sparsity: 0.5 });
    expect(layers).toHaveLength(4);
    expect(result.latency.reference.medianMs).toBeGreaterThan(0);
    expect(result.size.bitmask).toBeLessThan(result.size.after);
    expect(result.dense).toContainEqual({
      name: "fc.weight",
      values: 1280,
      reason: "dense, as overrides say",
    });
  });

  it("leaves zeros out with --storage bitmask, tells all sizes and what was measured, and how to bring them back", () => {
    const small = join(folder, "small.safetensors");
    const { status, stdout, stderr } = prune(model, "-o", small, "--sparsity", "0.8", "--storage", "bitmask");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^149 kB dense -> \d\d\.\d kB with the pruned weights as bitmasks$/m);
    expect(stdout).toMatch(/^in a zip archive \d\d\.\d kB \(before: 13\d kB\)$/m);
    expect(stdout).toMatch(
      /^measured in onnxruntime, 1 sample, 1 thread: \d+\.\d+ ms -> \d+\.\d+ ms \(\d\.\d\d times as fast\)$/m,
    );
    const next = /^next: modelpress (convert .*)$/m
      .exec(stdout)![1]!
      .replace("<dense>", join(folder, "dense"));
    const restored = spawnSync(process.execPath, [MAIN, ...next.split(" ")], { encoding: "utf8" });
    expect(restored).toMatchObject({ status: 0, stderr: "" });
    prune(model, "-o", output, "--sparsity", "0.8", "--no-time");
    expect(readFileSync(join(folder, "dense.onnx")).equals(readFileSync(output))).toBe(true);
  });

  it("takes whole channels out, and says which layers keep all of theirs", () => {
    const { status, stdout, stderr } = prune(
      model,
      "-o",
      output,
      "--pattern",
      "channel",
      "--sparsity",
      "0.4",
      "--time",
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^pruned\.onnx: \d+\.\d\d % of the multiplications and \d+\.\d\d % of the parameters are gone/,
    );
    expect(stdout).toMatch(/\/f\/f\.10\/f\.10\.0\/Conv +\/fc\/Gemm +128 -> \d+\n/);
    expect(stdout).toMatch(/^measured in onnxruntime.* times as fast\)$/m);
    expect(stdout).toMatch(/whole:\n {2}\/fc\/Gemm: it is an output of the model\n/);
  });

  it("repairs with calibration data, and says so", async () => {
    const samples = join(folder, "image.safetensors");
    const { tensors, close } = readSafetensors(carried("digits.safetensors"));
    const images = Float32Array.from(tensors.get("calib")!.data as Uint8Array, (value) => value / 255);
    close();
    const image = { dtype: "float32", shape: [256, 1, 28, 28], data: images } as const;
    await writeSafetensors(samples, new Map([["image", image]]));
    const args = ["--pattern", "2:4", "--include", "fc.weight", "--data", samples, "--samples", "32"];
    const repair = ["--repair", "least-squares", "--repair", "bias", "--no-time"];
    const { status, stdout, stderr } = prune(model, "-o", output, ...args, ...repair);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /\nrepaired 1 of 1 weights: weights fitted by least squares, biases estimated again\n/,
    );
  });

  it("writes masks, and sets to zero what they say in another model", () => {
    const masks = join(folder, "masks.safetensors");
    const saved = prune(model, "-o", output, "--sparsity", "0.5", "--no-time", "--save-masks", masks);
    expect(saved.stdout).toMatch(/\nmasks of 10 weights: .*masks\.safetensors\n$/);
    const again = join(folder, "again.onnx");
    const { status, stdout, stderr } = prune(model, "-o", again, "--masks", masks);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^again\.onnx: 17552 of 35104 weights are 0 \(50\.00 %\), as masks\.safetensors says\n/,
    );
    expect(readFileSync(again).equals(readFileSync(output))).toBe(true);
    expect(prune(model, "-o", again, "--masks", masks, "--sparsity", "0.5").stderr).toMatch(
      /--sparsity is not for --masks/,
    );
  });

  it("shows what each weight costs the outputs with --sensitivity", () => {
    const { status, stdout, stderr } = prune(model, "--sensitivity", "--samples", "2", "--min-size", "1200");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^digits_dw\.onnx: signal to noise of the outputs in dB, one weight pruned at a time\n/,
    );
    expect(stdout).toMatch(/by runs over 2 random samples \(seeded\)/);
    expect(stdout).toMatch(/weight +values +10 % +20 % .* 95 % +99 %\n/);
    expect(stdout).toMatch(/fc\.weight +1280( +-?\d+\.\d){11}\n/);
  });

  test.each([
    ["channels without a share", [model, "-o", output, "--pattern", "channel"], 2, /needs --sparsity/],
    [
      "zeros with the score of channels",
      [model, "-o", output, "--sparsity", "0.5", "--score", "l2"],
      2,
      /lamp/,
    ],
    [
      "zeros in multiples",
      [model, "-o", output, "--sparsity", "0.5", "--round-to", "8"],
      2,
      /--round-to is for/,
    ],
    ["a repair without data", [model, "-o", output, "--sparsity", "0.5", "--repair", "bias"], 1, /give data/],
    [
      "an unknown repair",
      [model, "-o", output, "--sparsity", "0.5", "--repair", "x"],
      2,
      /of least-squares, bias/,
    ],
    [
      "channels with a repair without data",
      [model, "-o", output, "--sparsity", "0.5", "--pattern", "channel", "--repair", "bias"],
      1,
      /give data/,
    ],
    [
      "bitmasks in a model",
      [model, "-o", output, "--sparsity", "0.5", "--storage", "bitmask"],
      2,
      /ends in \.safetensors/,
    ],
    [
      "bitmasks of channels",
      [model, "-o", output, "--sparsity", "0.5", "--pattern", "channel", "--storage", "bitmask"],
      2,
      /--storage is not for/,
    ],
    [
      "channels with overrides",
      [model, "-o", output, "--sparsity", "0.5", "--pattern", "channel", "--overrides", "x"],
      2,
      /--overrides is not for/,
    ],

    ["an output with --sensitivity", [model, "-o", output, "--sensitivity"], 2, /writes no model/],
    ["no output", [model, "--sparsity", "0.5"], 2, /-o, --output/],
    ["no sparsity", [model, "-o", output], 2, /from 0 to 1 for sparsity/],
    ["the input as output", [model, "-o", model, "--sparsity", "0.5"], 2, /name of its own/],
    ["a share in percent", [model, "-o", output, "--sparsity", "50"], 2, /from 0 to 1/],
    ["an unknown pattern", [model, "-o", output, "--pattern", "rows"], 2, /such as 2:4/],
    ["an unknown name", [model, "-o", output, "--sparsity", "0.5", "--exclude", "x"], 1, /named "x"/],
    ["no model", [MAIN, "-o", output, "--sparsity", "0.5"], 1, /main\.js.*WIRE_/],
  ])("refuses %s", (_, args, code, message) => {
    const { status, stdout, stderr } = prune(...args);
    expect({ status, stdout }).toEqual({ status: code, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

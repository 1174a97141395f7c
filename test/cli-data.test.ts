import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, test } from "vitest";
import { writeNpz } from "../lib/index.js";
import { carried, digits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");
const data = join(folder, "digits.npz");
const small = join(folder, "small.onnx");

/** The first digits are named otherwise, and as float64, which is numpy's own. */
beforeAll(() => {
  const { image, y } = digits(40);
  return writeNpz(data, {
    x: { ...image, dtype: "float64", data: Float64Array.from(image.data as Float32Array) },
    y,
  });
});

function modelpress(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("every verb takes --data and --input alike", () => {
  const samples = ["--data", data, "--input", "image=x"];

  test.each<[string, string[], object]>([
    ["quantize", [model, "-o", small, ...samples], { mode: "static", samples: 40 }],
    [
      "prune",
      [model, "-o", join(folder, "p.onnx"), "--sparsity", "0.5", "--no-time", "--no-repair", ...samples],
      { score: "wanda" },
    ],
    [
      "compare",
      [model, model, "--no-latency", "--labels", "y", ...samples],
      { samples: 40, accuracy: { difference: 0 } },
    ],
    ["bench", [model, "--runs", "3", ...samples], { data: "given" }],
  ])("%s", (verb, args, expected) => {
    const { status, stdout, stderr } = modelpress(verb, ...args, "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject(expected);
  });

  it("and says what it is about in its help", () => {
    for (const verb of ["optimize", "quantize", "prune", "compare", "bench"])
      expect(modelpress(verb, "--help").stdout).toMatch(
        /--data <file>[^-]*a \.safetensors or\s+\.npz[\s\S]*--input <name=tensor>/,
      );
  });
});

test.each<[string, string[], number, RegExp]>([
  ["a tensor that the file lacks", ["--data", data, "--input", "image=z"], 1, /no tensor z; it holds x, y/],
  [
    "an input that is none",
    ["--data", data, "--input", "picture=x"],
    1,
    /picture: the model has no such input/,
  ],
  ["no tensor", ["--data", data, "--input", "image"], 2, /such as image=x/],
  ["no data", ["--input", "image=x"], 2, /--input needs --data/],
  ["a module", ["--data", "samples.mjs", "--input", "image=x"], 1, /only a \.safetensors or \.npz file/],
])("%s is told", (_, args, code, says) => {
  const { status, stderr } = modelpress("quantize", model, "-o", small, ...args);
  expect(status).toBe(code);
  expect(stderr).toMatch(says);
});

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { type Tensor, writeSafetensors } from "../lib/index.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");

function modelpress(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("modelpress convert", () => {
  it("moves weights out of a model and back, and says what became of them", () => {
    const out = modelpress("convert", model, "w.safetensors", "--dtype", "float16", "--check");
    expect(out).toMatchObject({ status: 0, stderr: "" });
    expect(out.stdout).toContain("(onnx) -> w.safetensors (safetensors): 1.05 MB -> 523 kB (-50.0 %)");
    expect(out.stdout).toContain("12 tensors, 12 converted; read again and equal");
    const back = modelpress(
      "convert",
      "w.safetensors",
      "new.onnx",
      "--into",
      model,
      "--dtype",
      "float32",
      "--json",
    );
    expect(back.stderr).toBe("");
    expect(JSON.parse(back.stdout)).toMatchObject({
      input: "w.safetensors",
      output: "new.onnx",
      from: "safetensors",
      to: "onnx",
      files: ["new.onnx"],
      tensors: 12,
      converted: 12,
      checked: false,
      warnings: [],
    });
    expect(statSync(join(folder, "new.onnx")).size).toBe(statSync(model).size);
  });

  it("quantizes weights into a folder of their own, where inspect finds what they are", () => {
    mkdirSync(join(folder, "q"));
    const args = ["--compressed", "W4A16", "--group-size", "64", "--check"];
    const out = modelpress("convert", model, "q/model.safetensors", ...args);
    expect(out).toMatchObject({ status: 0, stderr: "" });
    expect(out.stdout).toContain("16 tensors, 2 converted; read again and equal");
    const { stdout } = modelpress("inspect", "q/model.safetensors");
    expect(stdout).toMatch(/compressed +\d weights? as pack-quantized: 4 bits, groups of 64, symmetric/);
    expect(stdout).toMatch(/config\.json +pack-quantized/);
    const back = modelpress("convert", "q/model.safetensors", "floats.safetensors", "--dtype", "float32");
    expect(back).toMatchObject({ status: 0, stderr: "" });
    const here = modelpress("convert", "floats.safetensors", "here.safetensors", "--compressed", "W8A16");
    expect(here.status).toBe(2);
    expect(here.stderr).toContain("a folder other than the input's");
  });

  it("refuses to leave out zeros that there are not", () => {
    modelpress("convert", model, "dense.safetensors");
    mkdirSync(join(folder, "sparse"));
    const args = ["--compressed", "sparse-bitmask"];
    const full = modelpress("convert", "dense.safetensors", "sparse/model.safetensors", ...args);
    expect(full).toMatchObject({ status: 1, stdout: "" });
    expect(full.stderr).toContain("no weight is smaller without its zeros");
    const sized = modelpress("convert", model, "s.safetensors", ...args, "--group-size", "32");
    expect(sized).toMatchObject({ status: 2, stdout: "" });
  });

  it("splits by a size with a unit", () => {
    const { status, stdout } = modelpress("convert", model, "s.safetensors", "--shard-size", "0.3MB");
    expect(status).toBe(0);
    expect(stdout).toContain("4 files");
  });

  test.each([
    ["an ONNX output without --into", ["w.safetensors", "x.onnx"], 2, "--into names the model"],
    ["--into for tensors alone", ["w.safetensors", "x.npz", "--into", model], 2, "--into needs an output"],
    ["blocks for safetensors", ["w.safetensors", "x.safetensors", "--dtype", "Q8_0"], 2, "ends in .gguf"],
    ["shards for npz", ["w.safetensors", "x.npz", "--shard-size", "1MB"], 2, "--shard-size needs"],
    ["checksums for npz", ["w.safetensors", "x.npz", "--checksums"], 2, "--checksums needs"],
    ["an unknown ending", ["w.safetensors", "x.bin"], 2, "output"],
    ["an output that is the input", ["w.safetensors", "./w.safetensors"], 2, "name of its own"],
    ["a size without number", ["w.safetensors", "x.safetensors", "--shard-size", "big"], 2, "500MB"],
    ["a missing input", ["absent", "x.safetensors"], 1, "absent: there is no such file"],
    ["a folder as input", [".", "x.safetensors"], 1, "this is a folder; name a file in it"],
    ["weights of another type", ["w.safetensors", "x.onnx", "--into", model], 1, "TENSOR_INVALID"],
  ])("with %s ends with its exit code and one line", (_, args, code, text) => {
    const { status, stdout, stderr } = modelpress("convert", ...args);
    expect({ status, stdout }).toEqual({ status: code, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "x.safetensors")) || existsSync(join(folder, "x.onnx"))).toBe(false);
  });

  it.skipIf(process.platform === "win32")("interrupted leaves the old file and nothing else", async () => {
    const big: Tensor = { dtype: "float32", shape: [1 << 22], data: new Float32Array(1 << 22) };
    const tensors = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`t${i}`, big]));
    await writeSafetensors(join(folder, "big.safetensors"), tensors, { sync: false });
    const before = readdirSync(folder);
    const old = readFileSync(join(folder, "w.safetensors"));
    const args = [MAIN, "convert", "big.safetensors", "w.safetensors", "--dtype", "bfloat16", "--quiet"];
    const child = spawn(process.execPath, args, { cwd: folder });
    const ended = once(child, "exit");
    while (readdirSync(folder).length === before.length && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
    expect(readdirSync(folder)).toEqual(before);
    expect(readFileSync(join(folder, "w.safetensors")).equals(old)).toBe(true);
  });
});

describe("modelpress inspect", () => {
  it("lists the tensors of any file, with what they hold where that is asked for", async () => {
    const data = Float32Array.of(0, 1e30, NaN, -2);
    const ids = BigInt64Array.of(2n ** 60n);
    await writeSafetensors(
      join(folder, "t.safetensors"),
      { w: { dtype: "float32", shape: [2, 2], data }, ids: { dtype: "int64", shape: [1], data: ids } },
      { metadata: { by: "me" } },
    );
    const plain = modelpress("inspect", "t.safetensors");
    expect(plain).toMatchObject({ status: 0, stderr: "" });
    expect(plain.stdout).toMatch(/^by +me$/m);
    expect(plain.stdout).toMatch(/^w +float32 +\[2, 2\] +16 B$/m);
    expect(modelpress("inspect", "t.safetensors", "--stats").stdout).toMatch(
      /^w +float32 +\[2, 2\] +16 B +25\.00 % +-2 +1e\+30 +1$/m,
    );
    const { tensors } = JSON.parse(modelpress("inspect", "t.safetensors", "--stats", "--json").stdout);
    expect(tensors).toContainEqual({
      name: "ids",
      type: "int64",
      shape: [1],
      bytes: 8,
      stats: { min: String(2n ** 60n), max: String(2n ** 60n), zeros: 0, nans: 0, sparsity: 0 },
    });
  });

  it("lists a model's initializers after its summary", () => {
    const { stdout } = modelpress("inspect", model, "--tensors");
    expect(stdout).toMatch(/^format +ONNX IR/m);
    expect(stdout).toMatch(/^fc1\.weight +float32 +\[64, 3136\] +803 kB$/m);
    expect(modelpress("inspect", model).stdout).not.toContain("fc1.weight ");
  });
});

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { pruneBlocks, pruneModel, pruneNM, readOnnx } from "../lib/index.js";
import type { TensorProto } from "../lib/onnx/proto/onnx_pb.js";
import { floats, type GraphSpec } from "./support/build-model.js";
import { expectSame } from "./support/bytes.js";
import { temporaryFolder } from "./support/folder.js";
import { network, valuesOf, writeModel, zerosIn } from "./support/prune.js";

const folder = temporaryFolder();

const input = (name: string, spec: GraphSpec) => writeModel(folder, name, spec);

describe("pruneModel", () => {
  const path = input("network.onnx", network);

  it("zeroes exactly the smallest magnitudes of all weights together", async () => {
    const output = join(folder, "global.onnx");
    const result = await pruneModel(path, { output, sparsity: 0.5, score: "magnitude" });
    result.model?.close();
    const [before, after] = [valuesOf(path), valuesOf(output)];
    const names = ["c", "m", "g"];
    const all = names.flatMap((name) => [...before[name]!.map(Math.abs)]).sort((a, b) => a - b);
    const k = Math.round(all.length / 2);
    for (const name of names)
      expect(after[name]).toEqual(before[name]!.map((value) => (Math.abs(value) <= all[k - 1]! ? 0 : value)));
    expect(result).toMatchObject({
      files: [output],
      pattern: "unstructured",
      scope: "global",
      score: "magnitude",
      values: all.length,
      zeros: { before: 0, after: k },
      sparsity: k / all.length,
    });
    expect(result.layers.map(({ name }) => name)).toEqual(names);
    for (const { name, zeros } of result.layers) expect(zeros.after).toBe(zerosIn(after[name]!));
    expect(result.layers[1]!.sparsity).toBeGreaterThan(result.layers[2]!.sparsity);
  });

  it("leaves everything else as it is, and says why", async () => {
    const output = join(folder, "else.onnx");
    const { model, dense } = await pruneModel(path, { output, sparsity: 0.9 });
    model?.close();
    const [before, after] = [valuesOf(path), valuesOf(output)];
    for (const name of ["cb", "scale", "gb"]) expect(after[name]).toEqual(before[name]);
    expect(Object.fromEntries(dense.map(({ name, reason }) => [name, reason]))).toEqual({
      cb: "bias of Conv",
      scale: "no weight of a product: LayerNormalization reads it",
      gb: "bias of Gemm",
    });
    const [a, b] = [readOnnx(path), readOnnx(output)];
    expect(b.proto.graph!.node).toEqual(a.proto.graph!.node);
    expect(b.proto.graph!.initializer.map(({ name }) => name)).toEqual(
      a.proto.graph!.initializer.map(({ name }) => name),
    );
    for (const each of [a, b]) each.close();
  });

  it("takes the same share of each weight with scope layer", async () => {
    const { layers, model } = await pruneModel(path, { sparsity: 0.25, scope: "layer" });
    for (const { values, zeros } of layers) expect(zeros.after).toBe(Math.round(0.25 * values));
    model?.close();
  });

  it("counts zeros that are there already, and brings none back", async () => {
    const half = await pruneModel(path, { output: join(folder, "half.onnx"), sparsity: 0.5 });
    half.model?.close();
    const more = await pruneModel(half.files[0]!, { sparsity: 0.75 });
    expect(more.zeros).toEqual({ before: half.zeros.after, after: Math.round(0.75 * half.values) });
    const less = await pruneModel(half.files[0]!, { sparsity: 0.1 });
    expect(less.zeros).toEqual({ before: half.zeros.after, after: half.zeros.after });
    for (const { model } of [more, less]) model?.close();
  });

  it("hits the count where magnitudes are equal: the first ones go", async () => {
    const equal = (name: string) => floats(name, [32, 32], new Array(1024).fill(0.5));
    const nodes = ["a", "b", "c"].map((name, i) => ({
      op: "MatMul",
      in: [i === 0 ? "x" : `h${i}`, name],
      out: [`h${i + 1}`],
    }));
    const initializers = ["a", "b", "c"].map(equal);
    const ties = input("ties.onnx", { nodes, initializers, inputs: { x: [1, 32] }, outputs: ["h3"] });
    const { layers, model } = await pruneModel(ties, { sparsity: 0.4, score: "magnitude" });
    const count = Math.round(0.4 * 3072);
    expect(layers.map(({ zeros }) => zeros.after)).toEqual([1024, count - 1024, 0]);
    const second = model!.tensors.get("b")!.data;
    expect(second.indexOf(0.5 as never)).toBe(count - 1024);
    expect(zerosIn(second as Float32Array)).toBe(count - 1024);
    model?.close();
  });

  it("keeps N of M neighbours along the inputs of each kind of layer", async () => {
    const { model, layers, sparsity } = await pruneModel(path, { pattern: "1:4" });
    const before = valuesOf(path);
    const axes = { c: 1, m: 0, g: 1 } as const;
    for (const { name, shape } of layers) {
      const axis = axes[name as keyof typeof axes];
      const expected = pruneNM(before[name]!, { keep: 1, of: 4, shape, axis });
      expect(model!.tensors.get(name)!.data).toEqual(expected);
    }
    expect(sparsity).toBe(0.75);
    model?.close();
  });

  it("takes blocks of outputs and inputs, whichever of them lie side by side", async () => {
    const options = { pattern: "block:4x2", sparsity: 0.5, scope: "layer" } as const;
    const { model, layers } = await pruneModel(path, options);
    const before = valuesOf(path);
    const blocks = {
      c: { shape: [16, 72], block: [4, 2] },
      m: { shape: [64, 32], block: [2, 4] },
      g: { shape: [12, 32], block: [4, 2] },
    } as const;
    for (const { name, sparsity } of layers) {
      const expected = pruneBlocks(before[name]!, { ...blocks[name as keyof typeof blocks], sparsity: 0.5 });
      expectSame(model!.tensors.get(name)!.data, expected);
      expect(sparsity).toBe(0.5);
    }
    model?.close();
    const shared = await pruneModel(path, { pattern: "block:4x2", sparsity: 0.5 });
    expect(shared.sparsity).toBeCloseTo(0.5, 2);
    expect(new Set(shared.layers.map(({ sparsity }) => sparsity)).size).toBe(3);
    shared.model?.close();
  });

  it("takes overrides by weight, node or pattern, apart from the threshold of the others", async () => {
    const overrides = { "/mid": { sparsity: 0.9 }, c: { pattern: "2:4" }, "/l*": "dense" } as const;
    const { layers, dense, model } = await pruneModel(path, { sparsity: 0.5, overrides });
    expect(layers.map(({ name, zeros }) => [name, zeros.after])).toEqual([
      ["c", 576],
      ["m", Math.round(0.9 * 2048)],
    ]);
    expect(dense).toContainEqual({ name: "g", values: 384, reason: "dense, as overrides say" });
    model?.close();
  });

  it("prunes what include names and not what exclude names", async () => {
    const included = await pruneModel(path, { sparsity: 0.5, include: ["/conv", "g"] });
    expect(included.layers.map(({ name }) => name)).toEqual(["c", "g"]);
    expect(included.dense).toContainEqual({ name: "m", values: 2048, reason: "not among those to include" });
    const excluded = await pruneModel(path, { sparsity: 0.5, exclude: ["/conv"] });
    expect(excluded.layers.map(({ name }) => name)).toEqual(["m", "g"]);
    for (const { model } of [included, excluded]) model?.close();
  });
});

describe("pruneModel refuses", () => {
  const path = input("refused.onnx", network);
  const nan: TensorProto = floats("m", [64, 32], new Array(2048).fill(Number.NaN));
  const damaged = input("nan.onnx", {
    ...network,
    initializers: network.initializers!.map((each) => (each.name === "m" ? nan : each)),
  });

  test.each([
    ["no sparsity", {}, /from 0 to 1 for sparsity/],
    ["a share above one", { sparsity: 50 }, /from 0 to 1 for sparsity but received 50/],
    ["an unknown pattern", { pattern: "4:2" }, /such as 2:4, for pattern but received "4:2"/],
    ["a block of nothing", { sparsity: 0.5, pattern: "block:0x4" }, /block:RxC/],
    ["blocks with data", { sparsity: 0.5, pattern: "block:2x2", data: [] }, /unstructured or N:M where data/],
    ["a sparsity that is not the pattern's", { pattern: "2:4", sparsity: 0.7 }, /0\.5, which is that of/],
    ["an unknown storage", { sparsity: 0.5, storage: "zip" as never }, /one of dense, bitmask for storage/],
    ["an unknown scope", { sparsity: 0.5, scope: "model" as never }, /one of global, layer, auto for scope/],
    ["a repair that is no list", { sparsity: 0.5, repair: true as never }, /a list of least-squares, bias/],
    ["a wrong override", { sparsity: 0.5, overrides: { g: { sparsity: 2 } } }, /overrides\["g"\]\.sparsity/],
    [
      "an override with a typing error",
      { sparsity: 0.5, overrides: { g: { sparsty: 0.9 } as never } },
      /\{ sparsity, pattern \} for overrides\["g"\] but received "sparsty"/,
    ],
    [
      "an override that is a number",
      { sparsity: 0.5, overrides: { g: 0.9 as never } },
      /overrides\["g"\] but received 0\.9/,
    ],
    ["a minimum of nothing", { sparsity: 0.5, minSize: 0 }, /from 1 for minSize/],
  ])("%s", async (_, options, message) => {
    await expect(pruneModel(path, options)).rejects.toThrow(RangeError);
    await expect(pruneModel(path, options)).rejects.toThrow(message);
  });

  it("a name that the model lacks, in any option", async () => {
    for (const options of [{ include: ["nope"] }, { exclude: ["nope*"] }, { overrides: { nope: {} } }])
      await expect(pruneModel(path, { sparsity: 0.5, ...options })).rejects.toMatchObject({
        code: "UNSUPPORTED_MODEL",
        message: expect.stringMatching(/no weight and no node with one named "nope/),
      });
  });

  it("a count of samples where there are none", async () => {
    await expect(pruneModel(path, { sparsity: 0.5, samples: 8 })).rejects.toMatchObject({
      code: "CALIBRATION_NEEDED",
      message: "samples is about calibration samples, and there are none; give data, or leave it out",
    });
  });

  it("weights that hold NaN or infinity, and writes nothing", async () => {
    const output = join(folder, "never.onnx");
    await expect(pruneModel(damaged, { sparsity: 0.5, output })).rejects.toMatchObject({
      code: "TENSOR_INVALID",
      field: 'tensor "m"',
    });
    expect(existsSync(output)).toBe(false);
  });

  it("to go on when the signal says so, and leaves the old file", async () => {
    const output = join(folder, "old.onnx");
    writeFileSync(output, "old");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(pruneModel(path, { sparsity: 0.5, output, signal })).rejects.toThrow("enough");
    expect(readFileSync(output, "utf8")).toBe("old");
  });
});

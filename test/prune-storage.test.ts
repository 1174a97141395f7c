import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import {
  compressWeight,
  convertModel,
  exportMasks,
  pruneModel,
  readGguf,
  readSafetensors,
  type Tensor,
  writeGguf,
  writeSafetensors,
} from "../lib/index.js";
import type { GraphSpec } from "./support/build-model.js";
import { expectSame } from "./support/bytes.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { network, weight, writeModel } from "./support/prune.js";
import { randomTensor } from "./support/quantize-built.js";

const root = temporaryFolder();
let counter = 0;

/** Paths in a folder of their own, whose configuration says how weights are stored. */
function folder(): (name: string) => string {
  const path = join(root, String(++counter));
  mkdirSync(path);
  return (name) => join(path, name);
}

const inputs = folder();
const tensors: Record<string, Tensor> = {
  "layers.0.up.weight": randomTensor([64, 48], 1),
  "layers.0.conv.weight": randomTensor([16, 8, 3, 3], 2),
  "layers.0.norm.weight": randomTensor([64], 3),
  table: randomTensor([32, 40], 4),
};

describe("pruneModel with storage bitmask", () => {
  it("brings an ONNX model back to the bytes that it is pruned to otherwise", async () => {
    const [input, at] = [carried("digits_cnn.onnx"), folder()];
    const dense = await pruneModel(input, { sparsity: 0.8, output: at("dense.onnx") });
    const options = { sparsity: 0.8, storage: "bitmask", output: at("small.safetensors") } as const;
    const { storage, files, size, layers, model } = await pruneModel(input, options);
    expect({ storage, files }).toEqual({ storage: "bitmask", files: [at("small.safetensors")] });
    expect(layers).toEqual(dense.layers);
    for (const { name } of layers)
      expectSame(model!.tensors.get(name)!.data, dense.model!.tensors.get(name)!.data);
    expect(size.after).toBe(statSync(at("small.safetensors")).size);
    expect(size).toEqual({ ...dense.size, after: size.after, bitmask: size.after });
    expect(dense.size.bitmask / size.after).toBeCloseTo(1, 1);
    for (const each of [model, dense.model]) each?.close();
    await convertModel(at("small.safetensors"), at("back.onnx"), { compressed: "dense", into: input });
    expect(readFileSync(at("back.onnx")).equals(readFileSync(at("dense.onnx")))).toBe(true);
  });

  it("brings safetensors back bit for bit, and says in config.json what loaders have to know", async () => {
    const [input, at] = [inputs("model.safetensors"), folder()];
    await writeSafetensors(input, tensors, { metadata: { format: "pt" } });
    await pruneModel(input, { sparsity: 0.9, output: inputs("dense.safetensors") });
    const options = { sparsity: 0.9, storage: "bitmask", output: at("small.safetensors") } as const;
    const { files } = await pruneModel(input, options);
    expect(files).toEqual([at("small.safetensors"), at("config.json")]);
    const { sparsity_config } = JSON.parse(readFileSync(at("config.json"), "utf8")).quantization_config;
    expect(sparsity_config).toMatchObject({ format: "sparse-bitmask", ignore: [] });
    const small = readSafetensors(at("small.safetensors"));
    expect(small.tensors.get("layers.0.conv.bitmask")!.shape).toEqual([16, 9]);
    expect(small.metadata).toEqual({
      format: "pt",
      "bitmask:layers.0.conv.weight": '{"name":"layers.0.conv.weight","shape":[16,8,3,3]}',
      "bitmask:table.weight": '{"name":"table","shape":[32,40]}',
    });
    small.close();
    await convertModel(at("small.safetensors"), inputs("back.safetensors"), { compressed: "dense" });
    expect(readFileSync(inputs("back.safetensors")).equals(readFileSync(inputs("dense.safetensors")))).toBe(
      true,
    );
    // What is stored so can be moved, pruned further and have its zeros exported.
    const moved = folder();
    await convertModel(at("small.safetensors"), moved("moved.safetensors"));
    expect(readFileSync(moved("moved.safetensors")).equals(readFileSync(at("small.safetensors")))).toBe(true);
    const masks = await exportMasks(at("small.safetensors"), at("masks.safetensors"));
    expect(masks.masks.map(({ name, shape }) => [name, shape])).toContainEqual(["table", [32, 40]]);
    const further = await pruneModel(at("small.safetensors"), {
      ...options,
      sparsity: 0.95,
      output: moved("more.safetensors"),
    });
    expect(further.zeros.before).toBe(Math.round(0.9 * 5504));
  });

  it("takes the tensors of a GGUF file", async () => {
    const at = folder();
    await writeGguf(at("model.gguf"), new Map([["blk.0.ffn_up.weight", tensors["layers.0.up.weight"]!]]));
    await pruneModel(at("model.gguf"), { sparsity: 0.9, output: at("dense.gguf") });
    await pruneModel(at("model.gguf"), { sparsity: 0.9, storage: "bitmask", output: at("m.safetensors") });
    await convertModel(at("m.safetensors"), at("back.gguf"));
    const [dense, back] = [readGguf(at("dense.gguf")), readGguf(at("back.gguf"))];
    const name = "blk.0.ffn_up.weight";
    expectSame(back.tensors.get(name)!.data, dense.tensors.get(name)!.data);
    for (const each of [dense, back]) each.close();
  });

  const constant: GraphSpec = {
    nodes: [
      { op: "Constant", in: [], out: ["w"], attributes: { value: weight("", [32, 32], 1) } },
      { op: "MatMul", in: ["x", "w"], out: ["y"] },
    ],
    inputs: { x: [1, 32] },
    outputs: ["y"],
  };
  const samples = [1, 2].map((seed) => ({ feeds: { x: randomTensor([1, 8, 4, 4], seed) } }));
  test.each([
    ["a weight that is no initializer", constant, {}, /the weight w is no initializer/],
    ["biases that repair adds", network, { data: samples }, /repair adds the tensor .*; store it dense/],
    ["weights with few zeros", network, { sparsity: 0.01 }, /no weight is smaller/],
    ["an output of another format", network, { output: inputs("x.onnx") }, /ends in \.safetensors/],
  ])("refuses %s, and writes nothing", async (name, spec, more, message) => {
    const at = folder();
    const options = { sparsity: 0.9, storage: "bitmask", output: at("x.safetensors"), ...more } as const;
    await expect(pruneModel(writeModel(root, `${name}.onnx`, spec), options)).rejects.toThrow(message);
    expect(existsSync(options.output)).toBe(false);
  });

  it("refuses weights that are stored as steps and scales", async () => {
    const at = folder();
    const parts = Object.entries(compressWeight(tensors["layers.0.up.weight"]!, "W8A16"));
    await writeSafetensors(
      at("quantized.safetensors"),
      Object.fromEntries(parts.map(([part, tensor]) => [`up.${part}`, tensor!])),
    );
    await expect(pruneModel(at("quantized.safetensors"), { sparsity: 0.5 })).rejects.toMatchObject({
      code: "UNSUPPORTED_MODEL",
      message: expect.stringContaining("up.weight is stored as pack-quantized"),
    });
  });
});

describe("what the metadata says of a weight without its zeros", () => {
  const data = Float32Array.from({ length: 96 }, (_, i) => (i % 8 === 0 ? i : 0));
  const parts = compressWeight({ dtype: "float32", shape: [8, 12], data }, "sparse-bitmask");
  const stored = Object.fromEntries(Object.entries(parts).map(([part, tensor]) => [`a.${part}`, tensor!]));

  test.each([
    ["no JSON", "{", /its metadata says "\{"/],
    ["another number of values", '{"name":"a","shape":[8,13]}', /says \[8, 13\], but it is \[8, 12\]/],
    ["a size below zero", '{"name":"a","shape":[-8,-12]}', /its metadata says/],
    ["a size beyond numbers", '{"name":"a","shape":[1e400,1]}', /its metadata says/],
    ["no name", '{"shape":[96]}', /its metadata says/],
    ["the name of another tensor", '{"name":"b","shape":[96]}', /packed and also as it is/],
  ])("is refused where that is %s", async (_, text, message) => {
    const at = folder();
    const b: Tensor = { dtype: "float32", shape: [1], data: Float32Array.of(1) };
    await writeSafetensors(at("m.safetensors"), { ...stored, b }, { metadata: { "bitmask:a.weight": text } });
    const refused = convertModel(at("m.safetensors"), at("back.safetensors"), { compressed: "dense" });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID", field: 'tensor "a.weight"' });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(at("back.safetensors"))).toBe(false);
  });
});

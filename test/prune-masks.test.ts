import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import {
  applyMasks,
  exportMasks,
  pruneModel,
  quantizeModel,
  readOnnx,
  readSafetensors,
  writeSafetensors,
} from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { expectSame } from "./support/bytes.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const original = carried("digits_dw.onnx");
const pruned = join(folder, "pruned.onnx");
const masks = join(folder, "masks.safetensors");

const setup = pruneModel(original, { output: pruned, sparsity: 0.6 }).then(({ model, ...result }) => {
  model?.close();
  return result;
});

describe("masks of a pruned model", () => {
  it("say of each weight with zeros which values stay", async () => {
    const { layers } = await setup;
    const exported = await exportMasks(pruned, masks);
    expect(exported.files).toEqual([masks]);
    expect(exported.masks).toEqual(
      layers.map(({ name, shape, values, zeros }) => ({ name, shape, values, zeros: zeros.after })),
    );
    const [file, model] = [readSafetensors(masks), readOnnx(pruned)];
    for (const { name, shape } of layers) {
      const mask = file.tensors.get(name)!;
      expect({ dtype: mask.dtype, shape: mask.shape }).toEqual({ dtype: "bool", shape });
      const values = model.tensors.get(name)!.data as Float32Array;
      expectSame(
        mask.data,
        Uint8Array.from(values, (value) => Number(value !== 0)),
      );
    }
    file.close();
    model.close();
  });

  it("bring the zeros back to a model that was trained further", async () => {
    const { layers, zeros } = await setup;
    await exportMasks(pruned, masks);
    const output = join(folder, "again.onnx");
    const applied = await applyMasks(original, masks, { output });
    expect(applied.zeros).toEqual(zeros);
    expect(applied.layers).toEqual(layers);
    applied.model?.close();
    const [a, b] = [readOnnx(pruned), readOnnx(output)];
    for (const [name, { data }] of a.tensors) expectSame(b.tensors.get(name)!.data, data);
    for (const model of [a, b]) model.close();
  });

  it("are applied to integers too, as their zero point", async () => {
    await setup;
    await exportMasks(pruned, masks, { include: ["fc.weight"] });
    const quantized = join(folder, "quantized.onnx");
    const { model } = await quantizeModel(original, { output: quantized, mode: "static", data: samples() });
    model.close();
    const renamed = join(folder, "renamed.safetensors");
    const file = readSafetensors(masks);
    await writeSafetensors(renamed, { "fc.weight_quantized": file.tensors.get("fc.weight")! });
    file.close();
    const { model: applied, layers } = await applyMasks(quantized, renamed);
    expect(layers.map(({ name }) => name)).toEqual(["fc.weight_quantized"]);
    const { data } = applied!.tensors.get("fc.weight_quantized")!;
    expect(Array.from(data, Number).filter((value) => value === 0)).toHaveLength(layers[0]!.zeros.after);
    applied!.close();
  });

  it("work on safetensors files", async () => {
    const path = join(folder, "weights.safetensors");
    await writeSafetensors(path, {
      "up.weight": randomTensor([32, 64], 1),
      "up.bias": randomTensor([32], 2),
    });
    const sparse = join(folder, "sparse.safetensors");
    await pruneModel(path, { output: sparse, sparsity: 0.5 });
    await exportMasks(sparse, masks);
    const output = join(folder, "masked.safetensors");
    await applyMasks(path, masks, { output });
    const [a, b] = [readSafetensors(sparse), readSafetensors(output)];
    for (const [name, { data }] of a.tensors) expectSame(b.tensors.get(name)!.data, data);
    for (const file of [a, b]) file.close();
  });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    ["of a weight that the model lacks", { none: bool([2, 2]) }, /has no weight of this name/],
    ["of a bias", { "fc.bias": bool([10]) }, /is no weight: bias of Gemm/],
    ["of another shape", { "fc.weight": bool([128, 10]) }, /\[128, 10\], but the weight is \[10, 128\]/],
    ["of floats", { "fc.weight": randomTensor([10, 128], 1) }, /float32, but a mask is bool/],
  ])("%s are refused, and nothing is written", async (name, tensors, message) => {
    const path = join(folder, `${name}.safetensors`);
    await writeSafetensors(path, tensors);
    const output = join(folder, "never.onnx");
    const applying = applyMasks(original, path, { output });
    await expect(applying).rejects.toThrow(message);
    await expect(applying).rejects.toMatchObject({ code: "TENSOR_INVALID", path });
    expect(existsSync(output)).toBe(false);
  });

  it("are none where no weight holds a zero", async () => {
    await expect(exportMasks(original, masks)).rejects.toMatchObject({ code: "NOTHING_TO_PRUNE" });
  });
});

function bool(shape: number[]): Tensor {
  const data = new Uint8Array(shape.reduce((product, size) => product * size, 1)).fill(1);
  return { dtype: "bool", shape, data };
}

function samples() {
  return [{ feeds: { image: randomTensor([1, 1, 28, 28], 3) } }];
}

import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import {
  magnitudeThreshold,
  pruneModel,
  pruneNM,
  readGguf,
  readSafetensors,
  writeGguf,
  writeNpz,
  writeSafetensors,
} from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { bytesUnder, expectSame } from "./support/bytes.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();

/** The upper half of float32 values is bfloat16. */
function bfloat16(shape: number[], seed: number): Tensor {
  const { data } = randomTensor(shape, seed);
  const halves = new Uint16Array(data.buffer as ArrayBuffer);
  return { dtype: "bfloat16", shape, data: halves.filter((_, i) => i % 2 === 1) };
}

const widened = ({ data }: Tensor) =>
  new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits * 65536).buffer);

const tensors = {
  "model.embed_tokens.weight": bfloat16([64, 32], 1),
  "model.layers.0.mlp.up_proj.weight": bfloat16([64, 32], 2),
  "model.layers.0.mlp.down_proj.weight": randomTensor([32, 64], 3),
  "model.layers.0.norm.weight": randomTensor([32], 4),
  "model.ids": { dtype: "int64", shape: [40, 40], data: new BigInt64Array(1600) },
} satisfies Record<string, Tensor>;
const [up, down] = ["model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight"] as const;

describe("pruneModel of files of tensors", () => {
  const input = join(folder, "model.safetensors");
  const setup = writeSafetensors(input, tensors, { metadata: { format: "pt" } });

  it("finds one exact threshold over tensors of different types, which stay as they are", async () => {
    await setup;
    const output = join(folder, "global.safetensors");
    const result = await pruneModel(input, { output, sparsity: 0.6, score: "magnitude" });
    expect(result.model).toBeUndefined();
    expect(result.zeros.after).toBe(Math.round(0.6 * 4096));
    const floats = [widened(tensors[up]), tensors[down].data as Float32Array];
    const threshold = magnitudeThreshold(floats, 0.6);
    const file = readSafetensors(output);
    expect(file.metadata.format).toBe("pt");
    const before = tensors[up].data as Uint16Array;
    const after = file.tensors.get(up)!;
    expect(after.dtype).toBe("bfloat16");
    const ties = [...floats[0]!].filter((value) => Math.abs(value) === threshold).length;
    const wrong = [...floats[0]!.keys()].filter(
      (i) => after.data[i] !== (Math.abs(floats[0]![i]!) <= threshold ? 0 : before[i]),
    );
    expect(wrong.length).toBeLessThanOrEqual(ties);
    expect(result.layers).toHaveLength(2);
    for (const { name, zeros } of result.layers)
      expect([...file.tensors.get(name)!.data].filter((value) => value === 0)).toHaveLength(zeros.after);
    for (const name of ["model.embed_tokens.weight", "model.layers.0.norm.weight", "model.ids"] as const)
      expect(bytesUnder(file.tensors.get(name)!.data).equals(bytesUnder(tensors[name].data))).toBe(true);
    file.close();
  });

  it("says why tensors are left alone", async () => {
    await setup;
    const { dense } = await pruneModel(input, { sparsity: 0.5, exclude: ["*down*"] });
    expect(Object.fromEntries(dense.map(({ name, reason }) => [name.split(".").at(-2), reason]))).toEqual({
      embed_tokens: "table of embeddings, by its name",
      down_proj: "excluded by name",
      norm: "a vector: a bias or a norm",
    });
    const { layers } = await pruneModel(input, { sparsity: 0.5, embeddings: true });
    expect(layers).toHaveLength(3);
  });

  it("keeps N of M neighbours along a row, which holds the inputs", async () => {
    await setup;
    const output = join(folder, "2-4.safetensors");
    await pruneModel(input, { output, pattern: "2:4" });
    const file = readSafetensors(output);
    const expected = pruneNM(tensors[down].data as Float32Array, { keep: 2, of: 4, shape: [32, 64] });
    expectSame(file.tensors.get(down)!.data, expected);
    file.close();
  });

  it("prunes GGUF files, with their metadata and blocks left alone", async () => {
    const path = join(folder, "model.gguf");
    const blocks = { type: "Q8_0", shape: [4, 64], data: new Uint8Array(8 * 34).fill(7) } as const;
    const metadata = { "general.architecture": { type: "string", value: "llama" } } as const;
    await writeGguf(path, { "a.weight": tensors[down], "b.weight": blocks }, { metadata });
    const output = join(folder, "pruned.gguf");
    const { zeros, dense } = await pruneModel(path, { output, sparsity: 0.5 });
    expect(zeros).toEqual({ before: 0, after: 1024 });
    expect(dense).toEqual([{ name: "b.weight", values: 256, reason: "its elements are Q8_0" }]);
    const file = readGguf(output);
    expect(file.metadata.get("general.architecture")).toEqual(metadata["general.architecture"]);
    expectSame(file.tensors.get("b.weight")!.data, blocks.data);
    file.close();
  });

  test.each([
    ["an output of another format", { output: join(folder, "x.onnx") }, /\.safetensors, as the input does/],
    ["a name that the file lacks", { exclude: ["lm_head.weight"] }, /named "lm_head\.weight"/],
  ])("refuses %s", async (_, options, message) => {
    await setup;
    await expect(pruneModel(input, { sparsity: 0.5, ...options })).rejects.toThrow(message);
  });

  it("refuses a file of numpy's, and says what to do", async () => {
    await setup;
    const path = join(folder, "weights.npz");
    await writeNpz(path, { w: tensors[down] });
    await expect(pruneModel(path, { sparsity: 0.5 })).rejects.toMatchObject({
      code: "UNSUPPORTED_MODEL",
      message: expect.stringMatching(/convert it to one of these first/),
    });
  });
});

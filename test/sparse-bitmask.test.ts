import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, test } from "vitest";
import {
  type CompressedWeight,
  compressWeight,
  convertModel,
  decompressWeight,
  inspectTensors,
  readSafetensors,
  type Tensor,
  writeSafetensors,
} from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { temporaryFolder } from "./support/folder.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

const root = temporaryFolder();
let folder = root;
let counter = 0;
beforeEach(() => {
  folder = join(root, String(++counter));
  for (const name of ["in", "out", "back"]) mkdirSync(join(folder, name), { recursive: true });
});
const at = (...parts: string[]) => join(folder, ...parts);

/** Any bits, one in four of them: NaN of every payload and -0 too. */
function sparse(dtype: "float32" | "bfloat16" | "int8", rows: number, cols: number): Tensor {
  const bits = randomBitPatterns(rows * cols, cols).buffer as ArrayBuffer;
  const Type = { float32: Float32Array, bfloat16: Uint16Array, int8: Int8Array }[dtype];
  const data = new Type(bits, 0, rows * cols);
  const next = randomIntegers(rows);
  for (let i = 0; i < data.length; i++) if (next() % 4 !== 0) data[i] = i % 50 === 7 ? -0 : 0;
  return { dtype, shape: [rows, cols], data };
}

const tensors: Record<string, Tensor> = {
  "model.up.weight": sparse("float32", 30, 100),
  "model.down.weight": sparse("bfloat16", 64, 96),
  "model.steps.weight": sparse("int8", 40, 501),
  "model.norm.weight": { dtype: "float32", shape: [16], data: new Float32Array(16) },
  "model.full.weight": { dtype: "float32", shape: [4, 8], data: new Float32Array(32).fill(1) },
  "model.up.bias": { dtype: "float32", shape: [30], data: new Float32Array(30) },
};

async function write(parts: Record<string, Tensor> = tensors): Promise<string> {
  const path = at("in", "model.safetensors");
  await writeSafetensors(path, parts);
  return path;
}

function read(path: string): Map<string, { dtype: string; shape: readonly number[]; bytes: string }> {
  const file = readSafetensors(path);
  const copies = [...file.tensors].map(
    ([name, { dtype, shape, data }]) =>
      [name, { dtype, shape, bytes: Buffer.from(bytesOf(data)).toString("hex") }] as const,
  );
  file.close();
  return new Map(copies);
}

function partsOf(layer: string, weight: CompressedWeight): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(weight).map(([part, tensor]) => [`${layer}.${part}`, tensor]));
}

const int64 = (...values: bigint[]): Tensor => ({
  dtype: "int64",
  shape: [values.length],
  data: BigInt64Array.from(values),
});

describe("compressWeight without zeros", () => {
  // As numpy.packbits(weight != 0, axis=-1, bitorder="little"), cumsum(row counts) - row counts, and weight[weight != 0] have it.
  it("stores what the convention's library stores", () => {
    const data = Float32Array.of(
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      2,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      3,
      0,
      0,
      4,
      0,
      0,
      0,
      0,
      0,
      5,
    );
    expect(compressWeight({ dtype: "float32", shape: [3, 10], data }, "sparse-bitmask")).toEqual({
      shape: int64(3n, 10n),
      compressed: { dtype: "float32", shape: [5], data: Float32Array.of(1, 2, 3, 4, 5) },
      bitmask: { dtype: "uint8", shape: [3, 2], data: Uint8Array.of(2, 2, 0, 0, 0b1001, 2) },
      row_offsets: int64(0n, 2n, 2n),
    });
  });

  test.each(["float32", "bfloat16", "int8"] as const)(
    "brings every bit of %s back, also of -0 and NaN",
    (dtype) => {
      for (const cols of [1, 8, 77]) {
        const weight = sparse(dtype, 9, cols);
        const parts = compressWeight(weight, "sparse-bitmask");
        const { row_offsets, ...needed } = parts;
        for (const back of [decompressWeight(parts), decompressWeight(needed)]) {
          expect({ ...back, data: [...bytesOf(back.data)] }).toEqual({
            ...weight,
            data: [...bytesOf(weight.data)],
          });
        }
      }
    },
  );

  test.each<[string, Tensor, RegExp]>([
    ["a vector", { dtype: "float32", shape: [4], data: new Float32Array(4) }, /matrix/],
    ["wider values", { dtype: "float64", shape: [1, 2], data: new Float64Array(2) }, /1, 2 or 4 bytes/],
    ["bytes of floats", { dtype: "float32", shape: [1, 2], data: new Uint8Array(8) }, /array of float32/],
    ["fewer values", { dtype: "float32", shape: [2, 2], data: new Float32Array(2) }, /4 values/],
  ])("refuses %s", (_, weight, message) => {
    expect(() => compressWeight(weight, "sparse-bitmask")).toThrow(message);
  });
});

describe("convertModel to sparse-bitmask", () => {
  it("leaves zeros out where that is smaller, says so beside the file, and brings all back", async () => {
    const input = await write();
    writeFileSync(at("in", "config.json"), '{"model_type":"toy"}');
    const output = at("out", "model.safetensors");
    const result = await convertModel(input, output, { compressed: "sparse-bitmask", check: true });
    expect(result).toMatchObject({ converted: 3, tensors: 15, files: [output, at("out", "config.json")] });
    expect(result.bytes.after).toBeLessThan(0.6 * result.bytes.before);
    const stored = read(output);
    expect(stored.get("model.up.compressed")).toMatchObject({ dtype: "float32" });
    expect(stored.get("model.down.bitmask")).toMatchObject({ dtype: "uint8", shape: [64, 12] });
    expect(stored.get("model.full.weight")).toEqual(read(input).get("model.full.weight"));
    const { quantization_config, ...others } = JSON.parse(readFileSync(at("out", "config.json"), "utf8"));
    expect(others).toEqual({ model_type: "toy" });
    expect(quantization_config).toEqual({
      quant_method: "compressed-tensors",
      sparsity_config: {
        format: "sparse-bitmask",
        global_sparsity: expect.closeTo(0.73, 1),
        sparsity_structure: "unstructured",
        targets: ["Linear"],
        ignore: ["model.full"],
        registry_requires_subclass: false,
      },
    });
    const { compressed } = await inspectTensors(output);
    expect(compressed).toEqual({
      declared: "sparse-bitmask",
      groups: [
        {
          format: "sparse-bitmask",
          weights: 3,
          sparsity: quantization_config.sparsity_config.global_sparsity,
        },
      ],
    });

    const back = at("back", "model.safetensors");
    await convertModel(output, back, { dtype: "float32" });
    const restored = read(back);
    const original = read(input);
    for (const name of ["model.up.weight", "model.steps.weight", "model.up.bias"])
      expect(restored.get(name)).toEqual(original.get(name));
    expect([...restored.keys()].sort()).toEqual([...original.keys()].sort());
    // Moved as it is, with what says how it is stored.
    await convertModel(output, at("back", "copy.safetensors"));
    expect(read(at("back", "copy.safetensors"))).toEqual(stored);
    expect(readFileSync(at("back", "config.json"), "utf8")).toContain("sparse-bitmask");
  });

  it("converts floats first, and leaves layers of `ignore` whole", async () => {
    const input = await write();
    const output = at("out", "model.safetensors");
    const options = { compressed: "sparse-bitmask", dtype: "float16", ignore: ["model.down"] } as const;
    await convertModel(input, output, options);
    const stored = read(output);
    expect(stored.get("model.up.compressed")).toMatchObject({ dtype: "float16" });
    expect(stored.get("model.down.weight")).toMatchObject({ dtype: "float16", shape: [64, 96] });
  });

  test.each<[string, Record<string, Tensor>, string[] | undefined, RegExp]>([
    [
      "no weight becomes smaller",
      { "a.weight": tensors["model.full.weight"]! },
      undefined,
      /no weight is smaller/,
    ],
    [
      "weights are stored so already",
      partsOf("a", compressWeight(sparse("int8", 8, 9), "sparse-bitmask")),
      undefined,
      /stored as sparse-bitmask already/,
    ],
    [
      "a name is taken",
      { "a.weight": sparse("float32", 30, 100), "a.shape": int64(1n) },
      undefined,
      /a tensor a\.shape already/,
    ],
    ["there is no layer to leave", tensors, ["gone"], /layer of the file/],
  ])("is refused where %s", async (_, parts, ignore, message) => {
    const input = await write(parts);
    const output = at("out", "m.safetensors");
    await expect(convertModel(input, output, { compressed: "sparse-bitmask", ignore })).rejects.toThrow(
      message,
    );
    expect(existsSync(output)).toBe(false);
  });
});

describe("files of the convention's library", () => {
  it("are read by the names of its older versions too", async () => {
    const weight = sparse("float32", 5, 20);
    const bias = sparse("float32", 1, 20);
    const input = await write({
      ...partsOf("a.weight", compressWeight(weight, "sparse-bitmask")),
      ...partsOf("a.bias", compressWeight(bias, "sparse-bitmask")),
    });
    await convertModel(input, at("out", "m.safetensors"), { dtype: "float32" });
    await writeSafetensors(at("back", "m.safetensors"), { "a.weight": weight, "a.bias": bias });
    expect(read(at("out", "m.safetensors"))).toEqual(read(at("back", "m.safetensors")));
  });

  it("may hold weights that are quantized and have no zeros", async () => {
    const { weight, ...rest } = compressWeight(sparse("bfloat16", 6, 40), {
      format: "int-quantized",
      bits: 8,
      strategy: "channel",
    });
    const input = await write({
      ...partsOf("a", rest),
      ...partsOf("a", compressWeight(weight!, "sparse-bitmask")),
    });
    await convertModel(input, at("out", "m.safetensors"), { dtype: "bfloat16" });
    const expected = decompressWeight({ weight: weight!, ...rest });
    await writeSafetensors(at("back", "m.safetensors"), { "a.weight": expected });
    expect(read(at("out", "m.safetensors"))).toEqual(read(at("back", "m.safetensors")));
  });

  const whole = partsOf("a", compressWeight(sparse("float32", 8, 20), "sparse-bitmask"));
  const more = { ...whole["a.compressed"]!, shape: [1], data: Float32Array.of(1) };
  test.each<[string, Record<string, Tensor>, RegExp]>([
    ["fewer values than bits", { "a.compressed": more }, /one for each bit that is set/],
    ["another shape", { "a.shape": int64(8n, 40n) }, /a bitmask of \[8, 3\] bytes does not fit/],
    ["a negative size", { "a.shape": int64(-8n, 20n) }, /shape \[-8, 20\]/],
    ["sizes beyond memory", { "a.shape": int64(2n ** 40n, 2n ** 40n) }, /not supported/],
    [
      "more values than elements",
      { "a.shape": int64(1n, 1n), "a.bitmask": { dtype: "uint8", shape: [1, 1], data: Uint8Array.of(1) } },
      /more than a weight/,
    ],
    ["values of 8 bytes", { "a.compressed": int64(1n, 2n) }, /int64/],
    [
      "a shape of another type",
      { "a.shape": { dtype: "int8", shape: [2], data: Int8Array.of(8, 20) } },
      /not a list of int64/,
    ],
    ["the weight also as it is", { "a.weight": sparse("float32", 8, 20) }, /packed and also as it is/],
  ])("with %s are refused by name", async (_, parts, message) => {
    const input = await write({ ...whole, ...parts });
    const refused = convertModel(input, at("out", "m.safetensors"), { dtype: "float32" });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID", field: 'tensor "a.weight"' });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(at("out", "m.safetensors"))).toBe(false);
    await inspectTensors(input);
  });
});

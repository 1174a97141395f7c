import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import {
  type DType,
  float32ToFloat16,
  inspectTensors,
  quantizeGguf,
  type Tensor,
  writeGguf,
  writeSafetensors,
} from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const values = Float32Array.of(0, -0, 1.5, -2, NaN, 0.25, 3, 0);
const found = { min: -2, max: 3, zeros: 3, nans: 1, sparsity: 3 / 8 };
const tensors: Record<string, Tensor> = {
  float: { dtype: "float32", shape: [2, 4], data: values },
  half: { dtype: "float16", shape: [8], data: float32ToFloat16(values) },
  wide: { dtype: "float64", shape: [8], data: Float64Array.from(values) },
  ids: { dtype: "int64", shape: [2], data: BigInt64Array.of(0n, 2n ** 62n) },
  byte: { dtype: "int8", shape: [2], data: Int8Array.of(-128, 0) },
  tiny: { dtype: "float8e5m2", shape: [1], data: Uint8Array.of(1) },
  none: { dtype: "float32", shape: [0], data: new Float32Array(0) },
};
const stats: Record<string, object | undefined> = {
  float: found,
  half: found,
  wide: found,
  ids: { min: 0n, max: 2n ** 62n, zeros: 1, nans: 0, sparsity: 0.5 },
  byte: { min: -128, max: 0, zeros: 1, nans: 0, sparsity: 0.5 },
  tiny: { min: 2 ** -16, max: 2 ** -16, zeros: 0, nans: 0, sparsity: 0 },
};

function described(withStats: boolean) {
  return Object.entries(tensors).map(([name, { dtype, shape, data }]) => ({
    name,
    type: dtype,
    shape,
    bytes: data.byteLength,
    ...(withStats && stats[name] && { stats: stats[name] }),
  }));
}

const byName = <T extends { name: string }>(list: readonly T[]) =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1));

describe("inspectTensors", () => {
  it("tells of an ONNX model's initializers, in their order", async () => {
    const path = join(folder, "m.onnx");
    const initializers = Object.entries(tensors).map(([name, { dtype, shape, data }]) =>
      encodeTensor(name, dtype, shape, data),
    );
    writeFileSync(path, modelFile(buildModel({ nodes: [], initializers })));
    const summary = await inspectTensors(path, { stats: true });
    expect(summary).toMatchObject({ format: "onnx", files: [path], metadata: {}, others: {} });
    expect(summary.tensors).toEqual(described(true));
  });

  test.each([false, true])("tells of safetensors, with stats: %s", async (withStats) => {
    const path = join(folder, "t.safetensors");
    await writeSafetensors(path, tensors, { metadata: { by: "me" }, checksums: true });
    for (const mmap of [true, false]) {
      const summary = await inspectTensors(path, { stats: withStats, mmap });
      expect(summary).toMatchObject({ format: "safetensors", metadata: { by: "me" } });
      expect(byName(summary.tensors)).toEqual(byName(described(withStats)));
    }
  });

  it("tells of a set by its index", async () => {
    const { float, half } = tensors as { float: Tensor; half: Tensor };
    const [index] = await writeSafetensors(
      join(folder, "s.safetensors"),
      { float, half },
      { maxShardSize: 32 },
    );
    const summary = await inspectTensors(index!);
    expect(summary.format).toBe("safetensors-index");
    expect(summary.files).toHaveLength(2);
    expect(summary.tensors.map(({ name }) => name)).toEqual(["float", "half"]);
  });

  it("tells of GGUF, of blocks by what they stand for", async () => {
    const path = join(folder, "m.gguf");
    const data = quantizeGguf(new Float32Array(64).fill(127, 32), { type: "Q8_0" });
    const other = { type: "Q4_K", shape: [256], data: new Uint8Array(144) } as const;
    const list = { type: "array", of: "int32", length: 2, value: Int32Array.of(1, 2) } as const;
    const text = { type: "string", value: "test" } as const;
    await writeGguf(
      path,
      { q: { type: "Q8_0", shape: [2, 32], data }, other },
      { metadata: { "general.architecture": text, list } },
    );
    const summary = await inspectTensors(path, { stats: true });
    expect(summary.tensors).toEqual([
      {
        name: "q",
        type: "Q8_0",
        shape: [2, 32],
        bytes: 68,
        stats: { min: 0, max: 127, zeros: 32, nans: 0, sparsity: 0.5 },
      },
      { name: "other", type: "Q4_K", shape: [256], bytes: 144 },
    ]);
    expect(summary.metadata).toEqual({ "general.architecture": "test" });
    expect(summary.others).toEqual({ list: "a list of 2 int32" });
  });

  it("adds up tensors that are read in parts", async () => {
    const data = float32ToFloat16(new Float32Array(600_000).fill(1, 0, 300_000));
    data[599_999] = 0xc000;
    data[0] = 0x7e00;
    const path = join(folder, "parts.safetensors");
    await writeSafetensors(path, { x: { dtype: "float16", shape: [600_000], data } });
    const [x] = (await inspectTensors(path, { stats: true })).tensors;
    expect(x!.stats).toMatchObject({ min: -2, max: 1, zeros: 299_999, nans: 1 });
  });

  const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  test.each<[DType, number[], object]>([
    ["int4", [512], { min: -8, max: 7, zeros: 32, nans: 0 }],
    ["uint4", [512], { min: 0, max: 15, zeros: 32, nans: 0 }],
    ["float4e2m1", [512], { min: -6, max: 6, zeros: 64, nans: 0 }],
    ["float8e4m3fn", [256], { min: -448, max: 448, zeros: 2, nans: 2 }],
    ["float8e4m3fnuz", [256], { min: -240, max: 240, zeros: 1, nans: 1 }],
    ["float8e5m2", [256], { min: -Infinity, max: Infinity, zeros: 2, nans: 6 }],
    ["float8e5m2fnuz", [256], { min: -57344, max: 57344, zeros: 1, nans: 1 }],
    ["float8e8m0", [256], { min: 2 ** -127, max: 2 ** 127, zeros: 0, nans: 1 }],
  ])("sums up every value of %s", async (dtype, shape, expected) => {
    const path = join(folder, "small.onnx");
    const initializers = [encodeTensor("x", dtype, shape, everyByte)];
    writeFileSync(path, modelFile(buildModel({ nodes: [], initializers })));
    const [x] = (await inspectTensors(path, { stats: true })).tensors;
    expect(x!.stats).toMatchObject(expected);
  });

  it("does not count the half byte that is none of an odd number of values, nor what is all NaN as a range", async () => {
    const path = join(folder, "odd.onnx");
    const initializers = [
      encodeTensor("odd", "int4", [3], Uint8Array.of(0x21, 0x03)),
      encodeTensor("nan", "float8e4m3fn", [2], Uint8Array.of(0x7f, 0xff)),
    ];
    writeFileSync(path, modelFile(buildModel({ nodes: [], initializers })));
    const [odd, nan] = (await inspectTensors(path, { stats: true })).tensors;
    expect(odd!.stats).toEqual({ min: 1, max: 3, zeros: 0, nans: 0, sparsity: 0 });
    expect(nan!.stats).toEqual({ min: NaN, max: NaN, zeros: 0, nans: 2, sparsity: 0 });
  });

  it("says what is no file of tensors, stops when asked to, and tells how far it is", async () => {
    const path = join(folder, "x.bin");
    writeFileSync(path, "nothing of the kind");
    await expect(inspectTensors(path)).rejects.toMatchObject({ code: "FORMAT_UNKNOWN" });
    await expect(inspectTensors(join(folder, "absent"))).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
    const file = join(folder, "p.safetensors");
    await writeSafetensors(file, tensors);
    await expect(inspectTensors(file, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
    const steps: number[] = [];
    await inspectTensors(file, { stats: true, onProgress: ({ done, total }) => steps.push(done / total!) });
    expect(steps.at(-1)).toBe(1);
  });
});

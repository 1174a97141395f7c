import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, test } from "vitest";
import { type DatasetSource, openDataset } from "../lib/data/open-dataset.js";
import type { ValueInfo } from "../lib/data/value-info.js";
import { type DType, type Tensor, writeNpz, writeSafetensors } from "../lib/index.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const image: ValueInfo = { name: "image", dtype: "float32", shape: ["batch", 2] };
const mask: ValueInfo = { name: "mask", dtype: "int64", shape: ["batch", 2] };
const values = Float32Array.of(0.5, 1, -2, 4);

/** What one batch of the source holds. */
async function first(source: DatasetSource, inputs: ValueInfo[], labels?: string) {
  for await (const { feeds, labels: classes } of await openDataset(source, { inputs, labels }))
    return { ...Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data])), classes };
  throw new Error("the data holds no samples");
}

async function saved(name: string, tensors: Record<string, Tensor>): Promise<string> {
  const path = join(folder, name);
  await (name.endsWith(".npz") ? writeNpz : writeSafetensors)(path, tensors);
  return path;
}

const rows = (dtype: DType, data: Tensor["data"]): Tensor => ({ dtype, shape: [2, 2], data });
const y: Tensor = { dtype: "uint8", shape: [2], data: Uint8Array.of(3, 1) };

describe.each(["data.npz", "data.safetensors"])("samples of %s", (name) => {
  it("lie in the tensors called as the inputs, with labels in another", async () => {
    const path = await saved(name, { image: rows("float32", values), y, more: y });
    expect(await first(path, [image], "y")).toEqual({ image: values, classes: [3, 1] });
    expect(await first(pathToFileURL(path), [image], "y")).toEqual({ image: values, classes: [3, 1] });
  });

  it("lie in tensors of other names where these are told", async () => {
    const other = rows("float32", Float32Array.of(9, 9, 9, 9));
    const path = await saved(name, {
      x: other,
      calib: rows("float32", values),
      mask: rows("int64", BigInt64Array.of(1n, 0n, 1n, 1n)),
    });
    const source = { path, tensors: { image: "calib" } };
    expect(await first(source, [image, mask])).toEqual({
      image: values,
      mask: BigInt64Array.of(1n, 0n, 1n, 1n),
      classes: undefined,
    });
    expect(await first({ path: pathToFileURL(path), tensors: { image: "x" } }, [image])).toMatchObject({
      image: other.data,
    });
  });

  it("that are missing are named, with what there is", async () => {
    const path = await saved(name, { x: rows("float32", values), y });
    const fails = (source: DatasetSource, labels?: string) =>
      expect(openDataset(source, { inputs: [image], labels })).rejects;
    await fails(path).toMatchObject({
      code: "DATA_MISMATCH",
      field: "image",
      message: expect.stringMatching(/lacks this input; it holds x, y; say which/),
    });
    await fails({ path, tensors: { image: "z" } }).toThrow(/no tensor z; it holds x, y/);
    await fails({ path, tensors: { picture: "x" } }).toMatchObject({ field: "picture" });
    await fails({ path, tensors: { image: "x" } }, "classes").toMatchObject({ field: "classes" });
  });
});

describe("types of stored samples", () => {
  test.each<[DType, Tensor["data"]]>([
    ["float64", Float64Array.from(values)],
    ["float16", Uint16Array.of(0x3800, 0x3c00, 0xc000, 0x4400)],
    ["bfloat16", Uint16Array.of(0x3f00, 0x3f80, 0xc000, 0x4080)],
  ])("%s becomes float32", async (dtype, data) => {
    const path = await saved(`${dtype}.safetensors`, { image: rows(dtype, data) });
    expect(await first(path, [image])).toMatchObject({ image: values });
  });

  it("float32 becomes float16 and float64", async () => {
    const path = await saved("floats.npz", { image: rows("float32", values) });
    expect(await first(path, [{ ...image, dtype: "float16" }])).toMatchObject({
      image: Uint16Array.of(0x3800, 0x3c00, 0xc000, 0x4400),
    });
    expect(await first(path, [{ ...image, dtype: "float64" }])).toMatchObject({
      image: Float64Array.from(values),
    });
  });

  test.each<[DType, Tensor["data"]]>([
    ["bool", Uint8Array.of(1, 0, 1, 1)],
    ["uint8", Uint8Array.of(1, 0, 1, 1)],
    ["int32", Int32Array.of(1, 0, 1, 1)],
    ["uint64", BigUint64Array.of(1n, 0n, 1n, 1n)],
  ])("%s becomes int64, int8 and bool", async (dtype, data) => {
    const path = await saved(`${dtype}.npz`, { mask: rows(dtype, data) });
    expect(await first(path, [mask])).toMatchObject({ mask: BigInt64Array.of(1n, 0n, 1n, 1n) });
    expect(await first(path, [{ ...mask, dtype: "int8" }])).toMatchObject({
      mask: Int8Array.of(1, 0, 1, 1),
    });
    expect(await first(path, [{ ...mask, dtype: "bool" }])).toMatchObject({
      mask: Uint8Array.of(1, 0, 1, 1),
    });
  });

  it("are refused where values do not fit, or nobody knows what they mean", async () => {
    const integers = await saved("integers.npz", {
      image: rows("uint8", Uint8Array.of(0, 255, 1, 2)),
      mask: rows("int64", BigInt64Array.of(-1n, 2n ** 40n, 0n, 1n)),
    });
    const fails = (input: ValueInfo) => expect(openDataset(integers, { inputs: [input] })).rejects;
    await fails(image).toThrow(/expected float32 but received uint8; convert and scale it/);
    await fails({ ...mask, dtype: "int32" }).toThrow(/expected int32 but received 1099511627776/);
    await fails({ ...mask, dtype: "uint64" }).toThrow(/expected uint64 but received -1/);
    await fails({ ...mask, dtype: "bool" }).toThrow(/expected bool but received -1/);
    const floats = await saved("float-mask.npz", { mask: rows("float32", values) });
    await expect(openDataset(floats, { inputs: [mask] })).rejects.toThrow(
      /expected int64 but received float32/,
    );
  });
});

it("a module has no tensors to name", async () => {
  await expect(
    openDataset({ path: "data.mjs", tensors: { image: "x" } }, { inputs: [image] }),
  ).rejects.toMatchObject({ code: "DATA_MISMATCH", field: "image", path: "data.mjs" });
});

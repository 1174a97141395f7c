import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { type GgufInput, type GgufValue, readGguf, type Tensor, writeGguf } from "../lib/index.js";
import { temporaryFolder } from "./support/folder.js";
import { Bytes, refusal } from "./support/refusal.js";

const folder = temporaryFolder();
const fixture = fileURLToPath(new URL("fixtures/every-type.gguf", import.meta.url));
const path = join(folder, "file.gguf");

const byte: Tensor = { dtype: "int8", shape: [1], data: Int8Array.of(1) };

describe.each([true, false])("readGguf with mmap: %s", (mmap) => {
  const file = readGguf(fixture, { mmap });

  it("gives metadata with its types", () => {
    const values = Object.fromEntries(
      [...file.metadata].map(([key, { type, value }]) => [key, [type, value]]),
    );
    expect(values).toEqual({
      "general.architecture": ["string", "llama"],
      "t.u8": ["uint8", 200],
      "t.i8": ["int8", -5],
      "t.u16": ["uint16", 60000],
      "t.i16": ["int16", -300],
      "t.u32": ["uint32", 4000000000],
      "t.i32": ["int32", -70000],
      "t.f32": ["float32", Math.fround(0.1)],
      "t.u64": ["uint64", 2n ** 63n + 1n],
      "t.i64": ["int64", -(2n ** 40n)],
      "t.f64": ["float64", 0.1],
      "t.bool": ["bool", true],
      "t.str": ["string", "héllo"],
      "t.strings": ["array", ["a", "", "日本"]],
      "t.ints": ["array", Int32Array.of(1, -2, 3)],
      "t.floats": ["array", Float32Array.of(0.5, -1.25)],
      "t.bools": ["array", Uint8Array.of(1, 0)],
    });
    expect(file).toMatchObject({ version: 3, alignment: 32 });
  });

  it("gives plain tensors as typed arrays and blocks as bytes, sizes outermost first", () => {
    const seen = [...file.tensors].map(([name, { type, dtype, shape, data }]) => [
      name,
      type,
      dtype,
      shape,
      data.length,
    ]);
    expect(seen).toEqual([
      ["f32", "F32", "float32", [4, 64], 256],
      ["f16", "F16", "float16", [3, 5], 15],
      ["bf16", "BF16", "bfloat16", [4, 64], 256],
      ["q8_0", "Q8_0", undefined, [4, 64], 272],
      ["q4_0", "Q4_0", undefined, [4, 64], 144],
      ["i8", "I8", "int8", [7], 7],
      ["i64", "I64", "int64", [3], 3],
      ["f64", "F64", "float64", [1, 1], 1],
    ]);
    expect(file.tensors.get("i8")!.data).toEqual(Int8Array.of(-3, -2, -1, 0, 1, 2, 3));
    expect(file.tensors.get("f64")!.data).toEqual(Float64Array.of(0.1));
    // bfloat16 is the upper half of float32, rounded.
    const wide = new Uint32Array(file.tensors.get("f32")!.data.slice().buffer);
    const half = file.tensors.get("bf16")!.data;
    wide.forEach((bits, i) => {
      expect(Math.abs(Number(half[i]) - bits / 65536)).toBeLessThanOrEqual(0.5);
    });
  });

  it("gives nothing once it is closed", () => {
    const other = readGguf(fixture, { mmap });
    other.close();
    expect(refusal(() => other.tensors.get("f32"))?.code).toBe("FILE_CLOSED");
  });
});

describe("writeGguf", () => {
  it("writes the bytes that ggml's own package wrote", async () => {
    const file = readGguf(fixture);
    await writeGguf(path, file.tensors, { metadata: file.metadata });
    expect(readFileSync(path).equals(readFileSync(fixture))).toBe(true);
    // The same from values of our own instead of those of a file.
    const values = [...file.metadata].map(([key, value]): [string, GgufValue] =>
      value.type === "array"
        ? [key, { type: "array", of: value.of, length: value.length, value: value.value }]
        : [key, value],
    );
    await writeGguf(path, file.tensors, { metadata: new Map(values) });
    expect(readFileSync(path).equals(readFileSync(fixture))).toBe(true);
  });

  it("takes tensors by dtype, keeps their order and aligns them as the metadata says", async () => {
    const steps: number[] = [];
    const data = Float32Array.of(1, 2, 3);
    await writeGguf(
      path,
      { z: { dtype: "float32", shape: [3], data }, a: { dtype: "int16", shape: [], data: Int16Array.of(7) } },
      {
        metadata: { "general.alignment": { type: "uint32", value: 128 } },
        onProgress: ({ done }) => steps.push(done),
      },
    );
    const file = readGguf(path);
    expect([...file.tensors.keys()]).toEqual(["z", "a"]);
    expect([...file.entries.values()].map(({ offset }) => offset % 128)).toEqual([0, 0]);
    expect(file.tensors.get("a")).toMatchObject({
      type: "I16",
      dtype: "int16",
      shape: [],
      data: Int16Array.of(7),
    });
    expect(steps).toEqual([12, 14]);
  });

  it("refuses more tensors than readers take", async () => {
    const many = new Map(Array.from({ length: 65_537 }, (_, i) => [String(i), byte]));
    await expect(writeGguf(path, many)).rejects.toThrow(/at most 65536 tensors/);
  });

  it("takes lists of bools as booleans too", async () => {
    const value = [true, false] as never;
    await writeGguf(path, {}, { metadata: { a: { type: "array", of: "bool", length: 2, value } } });
    expect(readGguf(path).metadata.get("a")).toMatchObject({ value: Uint8Array.of(1, 0) });
  });

  test.each<[string, Record<string, GgufInput>, Record<string, GgufValue>, RegExp]>([
    [
      "a type the format lacks",
      { w: { dtype: "uint8", shape: [1], data: Uint8Array.of(1) } },
      {},
      /type that GGUF has/,
    ],
    [
      "a type that does not exist",
      { w: { type: "Q9_0" as never, shape: [1], data: Uint8Array.of(1) } },
      {},
      /type that GGUF/,
    ],
    ["five sizes", { w: { dtype: "int8", shape: [1, 1, 1, 1, 1], data: Int8Array.of(1) } }, {}, /at most 4/],
    ["a shape unlike the data", { w: { dtype: "int8", shape: [2], data: Int8Array.of(1) } }, {}, /2 bytes/],
    ["half a block", { w: { type: "Q8_0", shape: [16], data: new Uint8Array(17) } }, {}, /multiple of 32/],
    ["a name too long", { ["x".repeat(64)]: byte }, {}, /63 bytes/],
    ["half a character as a name", { "\ud800": byte }, {}, /half characters/],
    ["half a character as a key", {}, { "\ud800": { type: "uint8", value: 1 } }, /half characters/],
    ["half a character as a value", {}, { a: { type: "string", value: "\ud800" } }, /half characters/],
    [
      "elements of another size",
      { w: { ...byte, dtype: "int32", shape: [1], data: new Float64Array(1) } },
      {},
      /int32/,
    ],
    ["no data", { w: { dtype: "int8", shape: [1], data: undefined as never } }, {}, /typed array/],
    ["a float that becomes infinite", {}, { a: { type: "float32", value: 1e39 } }, /a float32/],
    ["a bool of 2", {}, { a: { type: "array", of: "bool", length: 1, value: Uint8Array.of(2) } }, /boolean/],
    ["a number out of its type", {}, { a: { type: "uint8", value: 256 } }, /a uint8/],
    ["a number for a bigint", {}, { a: { type: "uint64", value: 1 as never } }, /a bigint/],
    [
      "an array of another length",
      {},
      { a: { type: "array", of: "string", length: 2, value: ["x"] } },
      /2 items/,
    ],
    ["an alignment of 3", {}, { "general.alignment": { type: "uint32", value: 3 } }, /power of two/],
    ["an empty key", {}, { "": { type: "uint32", value: 3 } }, /a key of 1/],
  ])("refuses %s and leaves the file that stood there", async (_, tensors, metadata, says) => {
    writeFileSync(path, "as it was");
    await expect(writeGguf(path, tensors, { metadata })).rejects.toThrow(says);
    expect(readFileSync(path, "utf8")).toBe("as it was");
    expect(readdirSync(folder)).toEqual(["file.gguf"]);
  });
});

it("reads names that are longer than ggml opens", () => {
  const name = "model.diffusion_model.".repeat(5);
  const header = new Bytes().text("GGUF").u32(3).u64(1, 0).u64(name.length).text(name);
  header.u32(1).u64(2).u32(24).u64(0);
  writeFileSync(
    path,
    header
      .zeros(32 - (header.length % 32))
      .u8(7, 8)
      .end(),
  );
  expect(readGguf(path).tensors.get(name)).toMatchObject({ dtype: "int8", data: Int8Array.of(7, 8) });
});

it("reads headers of any length, wherever a number crosses what was loaded of them", async () => {
  const scalars: Record<string, GgufValue> = {
    "t.u64": { type: "uint64", value: 2n ** 63n },
    "t.u32": { type: "uint32", value: 7 },
    "t.u8": { type: "uint8", value: 200 },
    "t.bool": { type: "bool", value: true },
    "t.words": { type: "array", of: "string", length: 3, value: ["a", "", "bc"] },
  };
  // The first 64 KiB end somewhere within these values.
  for (let length = 65_536 - 160; length < 65_536; length += 1) {
    const metadata = { text: { type: "string", value: "x".repeat(length) } as const, ...scalars };
    const w = { dtype: "int8", shape: [2], data: Int8Array.of(1, 2) } as const;
    await writeGguf(path, { w }, { metadata, sync: false });
    const file = readGguf(path);
    expect(file.tensors.get("w")!.data).toEqual(w.data);
    for (const [key, { value }] of Object.entries(metadata))
      expect(file.metadata.get(key)!.value).toEqual(value);
    file.close();
  }
  const words = Array.from({ length: 100_000 }, (_, i) => `word ${i}`);
  const vocabulary = { type: "array", of: "string", length: words.length, value: words } as const;
  await writeGguf(path, {}, { metadata: { vocabulary }, sync: false });
  expect(readGguf(path).metadata.get("vocabulary")!.value).toEqual(words);
});

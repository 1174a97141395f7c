import { closeSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readNpz, type Tensor, writeNpz } from "../lib/index.js";
import { temporaryFolder } from "./support/folder.js";
import { Bytes } from "./support/refusal.js";

const folder = temporaryFolder();
const path = join(folder, "arrays.npz");
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

const signed = [-3, -1, 0, 1, 2, 100];
const unsigned = [3, 1, 0, 1, 2, 100];
const floats = [-4.5, -1.5, 0, 1.5, 3, 150];
const complex = floats.flatMap((real, i) => [real, signed[i]! * 2]);
const halves = Uint16Array.of(0xc480, 0xbe00, 0, 0x3e00, 0x4200, 0x58b0);
const numbers: [string, string, ArrayLike<number | bigint>][] = [
  ["f2", "float16", halves],
  ["f4", "float32", Float32Array.from(floats)],
  ["f8", "float64", Float64Array.from(floats)],
  ["i1", "int8", Int8Array.from(signed)],
  ["u1", "uint8", Uint8Array.from(unsigned)],
  ["i2", "int16", Int16Array.from(signed)],
  ["u2", "uint16", Uint16Array.from(unsigned)],
  ["i4", "int32", Int32Array.from(signed)],
  ["u4", "uint32", Uint32Array.from(unsigned)],
  ["i8", "int64", BigInt64Array.from(signed, BigInt)],
  ["u8", "uint64", BigUint64Array.from(unsigned, BigInt)],
  ["c8", "complex64", Float32Array.from(complex)],
  ["b1", "bool", Uint8Array.of(1, 0, 1, 0, 0, 1)],
  ["big", "float32", Float32Array.from(floats)],
  ["big_i8", "int64", BigInt64Array.from(signed, BigInt)],
  ["big_c8", "complex64", Float32Array.from(complex)],
  ["big_f2", "float16", halves],
];

describe.each([true, false])("readNpz with mmap: %s", (mmap) => {
  const file = readNpz(fixture("numpy.npz"), { mmap });

  it.each(numbers)("reads %s that numpy.savez wrote", (name, dtype, data) => {
    expect(file.tensors.get(name)).toEqual({ dtype, shape: [2, 3], data });
  });

  it("reads Fortran order, scalars, nothing, and any name", () => {
    const { tensors } = file;
    expect(tensors.get("fortran")).toEqual({
      dtype: "float32",
      shape: [2, 3, 4],
      data: Float32Array.from({ length: 24 }, (_, i) => i),
    });
    expect(tensors.get("scalar")).toEqual({ dtype: "float32", shape: [], data: Float32Array.of(1.5) });
    expect(tensors.get("empty")).toEqual({ dtype: "float32", shape: [0, 3], data: new Float32Array() });
    expect(tensors.get("größe")!.data).toEqual(Uint8Array.of(0, 1, 2));
    expect(tensors.get("__proto__")!.data).toEqual(Int16Array.of(0, 1));
    expect(tensors.get("toString")).toBeUndefined();
  });

  it("lists without reading, and says what is no tensor", () => {
    expect([...file.entries.keys()]).toEqual([...file.tensors.keys()]);
    expect(file.entries.get("big_i8")).toEqual({
      dtype: "int64",
      shape: [2, 3],
      byteLength: 48,
      storedLength: 48,
      compressed: false,
    });
    expect([...file.others]).toEqual([["text", "its elements are text (<U3)"]]);
  });

  it("reads what numpy.savez_compressed wrote", () => {
    const { tensors, entries } = readNpz(fixture("numpy-compressed.npz"), { mmap });
    expect(entries.get("zeros")).toMatchObject({ shape: [100000], byteLength: 400000, compressed: true });
    expect(entries.get("zeros")!.storedLength).toBeLessThan(1000);
    expect((tensors.get("zeros")!.data as Float32Array).every((value) => value === 0)).toBe(true);
    expect(tensors.get("f4")!.data).toEqual(Float32Array.from(floats));
    expect(tensors.get("big")!.data).toEqual(Float32Array.from(floats));
    expect(tensors.get("fortran")!.data[5]).toBe(5);
    expect(tensors.get("scalar")!.shape).toEqual([]);
    expect(tensors.get("empty")!.data).toHaveLength(0);
  });
});

it("reads archives of more than 4 GiB", () => {
  const file = openSync(path, "w");
  const array = readFileSync(fixture("numpy.npy"));
  const far = 5 * 2 ** 30;
  const local = (name: string, crc: number, size: number) =>
    new Bytes()
      .u32(0x04034b50)
      .u16(45, 0, 0, 0, 33)
      .u32(crc, 0xffffffff, 0xffffffff)
      .u16(name.length, 20)
      .text(name)
      .u16(1, 16)
      .u64(size, size)
      .end();
  const central = (name: string, crc: number, size: number, offset: number) =>
    new Bytes()
      .u32(0x02014b50)
      .u16(45, 45, 0, 0, 0, 33)
      .u32(crc, 0xffffffff, 0xffffffff)
      .u16(name.length, 28, 0, 0, 0)
      .u32(0, 0xffffffff)
      .text(name)
      .u16(1, 24)
      .u64(size, size, offset)
      .end();
  const hole = local("hole.bin", 0, far);
  const small = Buffer.concat([local("small.npy", crc32(array), array.byteLength), array]);
  const at = hole.byteLength + far;
  const directory = Buffer.concat([
    central("hole.bin", 0, far, 0),
    central("small.npy", crc32(array), array.byteLength, at),
  ]);
  const start = at + small.byteLength;
  const end = new Bytes()
    .u32(0x06064b50)
    .u64(44)
    .u16(45, 45)
    .u32(0, 0)
    .u64(2, 2, directory.byteLength, start)
    .u32(0x07064b50, 0)
    .u64(start + directory.byteLength)
    .u32(1)
    .u32(0x06054b50)
    .u16(0, 0, 2, 2)
    .u32(directory.byteLength, 0xffffffff)
    .u16(0)
    .end();
  writeSync(file, hole, 0, hole.byteLength, 0);
  const tail = Buffer.concat([small, directory, end]);
  writeSync(file, tail, 0, tail.byteLength, at);
  closeSync(file);
  const { tensors, others } = readNpz(path);
  expect(tensors.get("small")!.data).toEqual(Float32Array.from(floats));
  expect([...others.keys()]).toEqual(["hole.bin"]);
  truncateSync(path);
});

describe.each([false, true])("writeNpz with compress: %s", (compress) => {
  it("brings back every tensor", async () => {
    const source = readNpz(fixture("numpy.npz"));
    await writeNpz(path, source.tensors, { compress, sync: false });
    const file = readNpz(path);
    expect([...file.tensors]).toEqual([...source.tensors]);
    expect([...file.entries.values()].every(({ compressed }) => compressed === compress)).toBe(true);
    file.close();
  });

  it("replaces the file that it reads", async () => {
    const before = readNpz(path);
    const expected = [...before.tensors].map(([name, { data }]) => [name, data.slice()]);
    await writeNpz(path, before.tensors, { compress });
    before.close();
    expect([...readNpz(path).tensors].map(([name, { data }]) => [name, data])).toEqual(expected);
  });

  it("writes nothing at all, and the same bytes each time", async () => {
    await writeNpz(path, {}, { compress });
    expect(readNpz(path).tensors.size).toBe(0);
    const tensors = { w: { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } } as const;
    await writeNpz(path, tensors, { compress });
    const bytes = readFileSync(path);
    await writeNpz(path, tensors, { compress });
    expect(readFileSync(path)).toEqual(bytes);
  });
});

describe("writeNpz", () => {
  const w: Tensor = { dtype: "float64", shape: [3], data: Float64Array.of(1, 2, 3) };

  it("aligns data, so that tensors are views of the file", async () => {
    await writeNpz(path, { a: w, "b/long name": w, ü: w });
    const { tensors } = readNpz(path);
    for (const { data } of tensors.values()) {
      expect(data.byteOffset % 64).toBe(0);
      expect(data.buffer).toBe(tensors.get("a")!.data.buffer);
      expect(data).toEqual(w.data);
    }
  });

  it("tells its progress", async () => {
    const seen: unknown[] = [];
    await writeNpz(path, { a: w, b: w }, { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([
      { stage: "write", done: 24, total: 48 },
      { stage: "write", done: 48, total: 48 },
    ]);
  });

  it("leaves the old file when it is stopped", async () => {
    await writeNpz(path, { old: w });
    const controller = new AbortController();
    const writing = writeNpz(
      path,
      { a: w, b: w },
      {
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("enough")),
      },
    );
    await expect(writing).rejects.toThrow("enough");
    expect([...readNpz(path).tensors.keys()]).toEqual(["old"]);
  });

  it.each([
    ["an empty name", ""],
    ["a name outside the folder", "../x"],
    ["such a name for Windows", "a\\..\\..\\x"],
    ["an absolute name", "/x"],
    ["a drive", "C:x"],
    ["a zero byte", "a\0b"],
    ["half a character", "\ud800"],
    ["a name too long", "x".repeat(65532)],
  ])("refuses %s", async (_, name) => {
    await expect(writeNpz(path, { [name]: w })).rejects.toThrow(RangeError);
  });

  it("refuses more arrays than readNpz takes", async () => {
    const many = new Map(Array.from({ length: 100_001 }, (_, i) => [String(i), w]));
    await expect(writeNpz(path, many)).rejects.toThrow(/at most 100000 arrays/);
  });

  it("refuses a type that numpy lacks, by the tensor's name", async () => {
    const tensor: Tensor = { dtype: "float8e5m2", shape: [1], data: new Uint8Array(1) };
    await expect(writeNpz(path, { odd: tensor })).rejects.toThrow(/numpy has for dtype of tensor "odd"/);
  });
});

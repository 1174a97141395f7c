import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadNative } from "../lib/backends/native.js";
import { readNpy, type Tensor, writeNpy } from "../lib/index.js";
import { codeOf } from "./support/code-of.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const path = join(folder, "array.npy");
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
/** An array file with any header. */
const file = (header: string, data: Uint8Array) => {
  const prefix = Buffer.from("\x93NUMPY\x01\x00..", "latin1");
  prefix.writeUInt16LE(header.length, 8);
  return Buffer.concat([prefix, Buffer.from(header), data]);
};
const floats = Float32Array.of(-4.5, -1.5, 0, 1.5, 3, 150);

describe.each([true, false])("readNpy with mmap: %s", (mmap) => {
  it.each(["numpy.npy", "numpy-version-2.npy", "numpy-version-3.npy"])("reads %s", (name) => {
    const { dtype, shape, data } = readNpy(fixture(name), { mmap });
    expect({ dtype, shape, data }).toEqual({ dtype: "float32", shape: [2, 3], data: floats });
  });

  it.each([
    ["spaces, other quotes and another order", `{ "shape":(2,3) ,"descr" : "<f4","fortran_order":False}\n`],
    ["long integers of Python 2", "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n"],
    ["no line break", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"],
  ])("takes %s", (_, header) => {
    writeFileSync(path, file(header, new Uint8Array(floats.buffer)));
    const { shape, data } = readNpy(path, { mmap });
    expect({ shape, data }).toEqual({ shape: [2, 3], data: floats });
  });

  it("takes bytes of which an order is given", () => {
    writeFileSync(path, file("{'descr': '>u1', 'fortran_order': False, 'shape': (2,)}", Uint8Array.of(1, 2)));
    expect(readNpy(path, { mmap }).data).toEqual(Uint8Array.of(1, 2));
  });

  it("brings Fortran order into C order, whatever the shape", () => {
    const shape = [3, 2, 5, 70];
    const data = Int16Array.from({ length: 2100 }, (_, i) => i);
    writeFileSync(
      path,
      file(
        "{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2, 5, 70)}",
        Buffer.from(data.slice().buffer).swap16(),
      ),
    );
    const read = readNpy(path, { mmap });
    expect(read.shape).toEqual(shape);
    for (const [i, j, k, l] of [
      [0, 0, 0, 1],
      [2, 1, 4, 69],
      [1, 0, 3, 33],
      [0, 1, 0, 64],
    ] as const)
      expect(read.data[((i * 2 + j) * 5 + k) * 70 + l]).toBe(i + 3 * (j + 2 * (k + 5 * l)));
    expect([...read.data].sort((a, b) => Number(a) - Number(b))).toEqual([...data]);
  });

  it("gives back its file", () => {
    const tensor = readNpy(fixture("numpy.npy"), { mmap });
    tensor.close();
    expect(tensor.data).toHaveLength(mmap && loadNative().files !== undefined ? 0 : 6);
  });
});

describe("writeNpy", () => {
  it("writes what numpy.save writes", async () => {
    await writeNpy(path, { dtype: "float32", shape: [2, 3], data: floats });
    expect(readFileSync(path)).toEqual(readFileSync(fixture("numpy.npy")));
  });

  it.each<[string, Tensor]>([
    ["a scalar", { dtype: "float64", shape: [], data: Float64Array.of(1.5) }],
    ["one axis", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ["nothing", { dtype: "uint64", shape: [0, 2 ** 40], data: new BigUint64Array(0) }],
    ["64 axes", { dtype: "int8", shape: new Array(64).fill(1), data: Int8Array.of(-1) }],
    ["part of an array", { dtype: "complex64", shape: [1], data: floats.subarray(1, 3) }],
  ])("brings back %s", async (_, tensor) => {
    await writeNpy(path, tensor);
    const { dtype, shape, data } = readNpy(path);
    expect({ dtype, shape, data }).toEqual({ ...tensor, data: tensor.data.slice() });
  });

  it.each<[string, Tensor, RegExp]>([
    [
      "a type that numpy lacks",
      { dtype: "bfloat16", shape: [1], data: new Uint16Array(1) },
      /a type that numpy has/,
    ],
    ["too few values", { dtype: "int32", shape: [2], data: new Int32Array(1) }, /8 bytes/],
    ["half a size", { dtype: "int8", shape: [0.5], data: new Int8Array(1) }, /integers from 0/],
    ["65 axes", { dtype: "int8", shape: new Array(65).fill(1), data: new Int8Array(1) }, /at most 64/],
  ])("refuses %s and writes nothing", async (_, tensor, says) => {
    const before = readFileSync(path);
    await expect(writeNpy(path, tensor)).rejects.toThrow(says);
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder)).toEqual(["array.npy"]);
  });

  it("says where it cannot write", async () => {
    writeFileSync(join(folder, "a-file"), "");
    const nowhere = join(folder, "a-file", "array.npy");
    await expect(
      writeNpy(nowhere, { dtype: "int8", shape: [0], data: new Int8Array() }),
    ).rejects.toMatchObject({
      code: "FILE_UNWRITABLE",
      path: nowhere,
    });
  });
});

it("refuses what is no file", () => {
  expect(codeOf(() => readNpy(folder))).toBe("FILE_UNREADABLE");
});

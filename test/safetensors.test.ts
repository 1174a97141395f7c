import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { readSafetensors, type Tensor, writeSafetensors } from "../lib/index.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { refusal } from "./support/refusal.js";
import { entry, safetensorsBytes as file } from "./support/safetensors-bytes.js";

const folder = temporaryFolder();
const path = join(folder, "file.safetensors");

describe("readSafetensors", () => {
  it("names the byte where a wrong tensor stands in the header", () => {
    const header = `{"é":${entry("U8", "[0]", "[0,0]")},"w":${entry("F7", "[1]", "[0,1]")}}`;
    writeFileSync(path, file(header, 1));
    expect(refusal(() => readSafetensors(path))).toMatchObject({
      field: "w",
      offset: 8 + Buffer.from(header).indexOf('"w"'),
    });
  });

  it("takes empty tensors at one offset, scalars, any name, padding, and fields in any order", () => {
    const header = `{ "__proto__" : ${entry("F32", "[]", "[0,4]")},\n"../x\\u0007":${entry("I64", "[3,0]", "[4,4]")},
      "":${entry("BOOL", "[0]", "[4,4]")}, "z": {"shape":[2],"data_offsets":[4,6],"dtype":"I8"}}   `;
    writeFileSync(path, file(header, 6));
    const { tensors } = readSafetensors(path);
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["__proto__", "float32", []],
      ["../x\u0007", "int64", [3, 0]],
      ["", "bool", [0]],
      ["z", "int8", [2]],
    ]);
  });

  it("takes an empty tensor that stands after the one whose place it shares", () => {
    writeFileSync(path, file(`{"a":${entry("I8", "[3]", "[0,3]")},"b":${entry("I8", "[0]", "[0,0]")}}`, 3));
    expect([...readSafetensors(path).tensors.keys()]).toEqual(["a", "b"]);
  });

  it("aligns a tensor whose bytes are not", () => {
    const header = `{"a":${entry("U8", "[1]", "[0,1]")},"b":${entry("F32", "[1]", "[1,5]")}}`;
    const bytes = file(header, 5);
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.byteLength - 4, 1.5, true);
    writeFileSync(path, bytes);
    expect(readSafetensors(path).tensors.get("b")!.data).toEqual(Float32Array.of(1.5));
  });

  it("says so when a path is no file", () => {
    for (const wrong of [join(folder, "none"), folder])
      expect(() => readSafetensors(wrong)).toThrow(expect.objectContaining({ code: "FILE_UNREADABLE" }));
  });

  it("reads a file written elsewhere", () => {
    const { tensors, metadata } = readSafetensors(carried("digits.safetensors"));
    expect(tensors.get("x")).toMatchObject({ dtype: "uint8", shape: [797, 28, 28] });
    expect(metadata.preproc).toBe("image = x[:,None]/255 float32");
  });
});

describe("writeSafetensors", () => {
  const every = new Map<string, Tensor>([
    ["bool", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ["u8", { dtype: "uint8", shape: [1], data: Uint8Array.of(255) }],
    ["i8", { dtype: "int8", shape: [2], data: Int8Array.of(-1, 2) }],
    ["i16", { dtype: "int16", shape: [1], data: Int16Array.of(-2) }],
    ["u16", { dtype: "uint16", shape: [1], data: Uint16Array.of(3) }],
    ["f16", { dtype: "float16", shape: [1], data: Uint16Array.of(0x3c00) }],
    ["bf16", { dtype: "bfloat16", shape: [1], data: Uint16Array.of(0x3f80) }],
    ["i32", { dtype: "int32", shape: [1], data: Int32Array.of(-4) }],
    ["u32", { dtype: "uint32", shape: [1], data: Uint32Array.of(5) }],
    ["f32", { dtype: "float32", shape: [1, 2], data: Float32Array.of(-0, Number.NaN) }],
    ["f64", { dtype: "float64", shape: [], data: Float64Array.of(Math.PI) }],
    ["i64", { dtype: "int64", shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
    ["u64", { dtype: "uint64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
    ["c64", { dtype: "complex64", shape: [1], data: Float32Array.of(1, -1) }],
    ["f8_0", { dtype: "float8e4m3fn", shape: [1], data: Uint8Array.of(1) }],
    ["f8_1", { dtype: "float8e5m2", shape: [1], data: Uint8Array.of(2) }],
    ["f8_2", { dtype: "float8e4m3fnuz", shape: [1], data: Uint8Array.of(3) }],
    ["f8_3", { dtype: "float8e5m2fnuz", shape: [1], data: Uint8Array.of(4) }],
    ["f8_4", { dtype: "float8e8m0", shape: [1], data: Uint8Array.of(5) }],
    ["f6_0", { dtype: "float6e2m3", shape: [4], data: Uint8Array.of(1, 2, 3) }],
    ["f6_1", { dtype: "float6e3m2", shape: [2, 2], data: Uint8Array.of(4, 5, 6) }],
    ["f4", { dtype: "float4e2m1", shape: [3, 2], data: Uint8Array.of(7, 8, 9) }],
    ["empty", { dtype: "float32", shape: [0, 7], data: new Float32Array() }],
  ]);

  it("gives back every type bit for bit", async () => {
    await writeSafetensors(path, every, { metadata: { format: "pt", "": "é" } });
    const { tensors, metadata } = readSafetensors(path);
    expect(metadata).toEqual({ format: "pt", "": "é" });
    expect(new Map([...tensors].sort())).toEqual(new Map([...every].sort()));
  });

  it("pads the header to 8 bytes and puts wide types first, then names in order", async () => {
    await writeSafetensors(path, every);
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
    expect(Object.keys(header)).toEqual(
      "u64 i64 f64 c64 empty f32 u32 i32 bf16 f16 u16 i16 f8_3 f8_2 f8_4 f8_0 f8_1 i8 u8 f6_1 f6_0 f4 bool".split(
        " ",
      ),
    );
  });

  it("writes a view's own bytes only", async () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    await writeSafetensors(path, new Map([["w", { dtype: "float32", shape: [2], data }]]));
    expect(readSafetensors(path).tensors.get("w")!.data).toEqual(Float32Array.of(2, 3));
  });

  it("keeps names that objects treat in their own way", async () => {
    const data = Uint8Array.of(1);
    const names = ["__proto__", "2", "10", 'a"b\u0007', "constructor"];
    await writeSafetensors(path, new Map(names.map((name) => [name, { dtype: "uint8", shape: [1], data }])));
    expect([...readSafetensors(path).tensors.keys()].sort()).toEqual(names.toSorted());
  });

  test.each<[string, string, Tensor, RegExp]>([
    [
      "a type the format lacks",
      "w",
      { dtype: "int4", shape: [2], data: Uint8Array.of(1) },
      /type that safetensors has/,
    ],
    ["a shape unlike the data", "w", { dtype: "int8", shape: [2], data: Int8Array.of(1) }, /2 bytes/],
    [
      "elements of another size",
      "w",
      { dtype: "float32", shape: [2], data: new Float64Array(1) },
      /an array of float32/,
    ],
    ["no data", "w", { dtype: "int8", shape: [1], data: undefined as never }, /typed array/],
    ["a fractional size", "w", { dtype: "int8", shape: [0.5], data: Int8Array.of(1) }, /integers from 0/],
    [
      "the name of the metadata",
      "__metadata__",
      { dtype: "int8", shape: [1], data: Int8Array.of(1) },
      /name/,
    ],
    ["half a character as a name", "\ud800", { dtype: "int8", shape: [1], data: Int8Array.of(1) }, /name/],
  ])("refuses %s and leaves the file that stood there", async (_, name, tensor, says) => {
    writeFileSync(path, "as it was");
    await expect(writeSafetensors(path, new Map([[name, tensor]]))).rejects.toThrow(says);
    expect(readFileSync(path, "utf8")).toBe("as it was");
    expect(readdirSync(folder)).toEqual(["file.safetensors"]);
  });
});

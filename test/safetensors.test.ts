import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { ModelFormatError, readSafetensors, type Tensor, writeSafetensors } from "../lib/index.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const path = join(folder, "file.safetensors");

/** A file of this header text, its true length before it unless another is given, and this many zero bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.byteLength));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

function entry(dtype: string, shape: string, offsets: string): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
}

function readError(bytes: Uint8Array): ModelFormatError {
  writeFileSync(path, bytes);
  try {
    readSafetensors(path);
  } catch (error) {
    if (error instanceof ModelFormatError) return error;
    throw error;
  }
  throw new Error("the file was taken");
}

const float = entry("F32", "[2]", "[0,8]");
const attacks: { name: string; bytes: Uint8Array; code: string; says: RegExp }[] = [
  { name: "an empty file", bytes: new Uint8Array(), code: "DATA_TRUNCATED", says: /too few/ },
  { name: "seven bytes", bytes: new Uint8Array(7), code: "DATA_TRUNCATED", says: /too few/ },
  { name: "a header of no bytes", bytes: file(""), code: "HEADER_INVALID", says: /begin with \{/ },
  { name: "a header past the end", bytes: file("{}", 0, 3n), code: "DATA_TRUNCATED", says: /only 2 follow/ },
  {
    name: "a header over the limit",
    bytes: file("{}", 0, 100_000_001n),
    code: "HEADER_TOO_LARGE",
    says: /limit/,
  },
  {
    name: "a header of 2^63 bytes",
    bytes: file("{}", 0, 2n ** 63n),
    code: "HEADER_TOO_LARGE",
    says: /limit/,
  },
  {
    name: "text that is not UTF-8",
    bytes: file(Buffer.from([0x7b, 0xff, 0x7d])),
    code: "TEXT_NOT_UTF8",
    says: /UTF-8/,
  },
  { name: "a byte order mark", bytes: file("\ufeff{}"), code: "HEADER_INVALID", says: /begin with \{/ },
  { name: "space before the header", bytes: file(" {}"), code: "HEADER_INVALID", says: /begin with \{/ },
  { name: "a list for a header", bytes: file("[]"), code: "HEADER_INVALID", says: /begin with \{/ },
  { name: "text after the header", bytes: file("{}x"), code: "HEADER_INVALID", says: /after the header/ },
  {
    name: "zero bytes after the header",
    bytes: file("{}\0"),
    code: "HEADER_INVALID",
    says: /after the header/,
  },
  { name: "a comma at the end", bytes: file(`{"a":${float},}`, 8), code: "HEADER_INVALID", says: /string/ },
  { name: "a string without end", bytes: file('{"a'), code: "HEADER_INVALID", says: /malformed string/ },
  {
    name: "half a character",
    bytes: file(`{"\\ud800":${float}}`, 8),
    code: "HEADER_INVALID",
    says: /half a character/,
  },
  {
    name: "one name twice",
    bytes: file(`{"a":${float},"a":${float}}`, 8),
    code: "HEADER_INVALID",
    says: /"a" comes twice/,
  },
  {
    name: "one name twice, once escaped",
    bytes: file(`{"a":${float},"\\u0061":${float}}`, 8),
    code: "HEADER_INVALID",
    says: /twice/,
  },
  {
    name: "one field twice",
    bytes: file('{"a":{"dtype":"U8","dtype":"U8"}}'),
    code: "HEADER_INVALID",
    says: /twice/,
  },
  {
    name: "an unknown field",
    bytes: file('{"a":{"x":1}}'),
    code: "HEADER_INVALID",
    says: /unknown field "x"/,
  },
  {
    name: "a missing field",
    bytes: file('{"a":{"dtype":"U8","shape":[]}}'),
    code: "TENSOR_INVALID",
    says: /a: .*needs/,
  },
  { name: "depth", bytes: file(`{"a":${"[".repeat(100_000)}`), code: "HEADER_INVALID", says: /expected \{/ },
  {
    name: "a number as metadata",
    bytes: file('{"__metadata__":{"a":1}}'),
    code: "HEADER_INVALID",
    says: /string/,
  },
  {
    name: "an unknown type",
    bytes: file(`{"w":${entry("F7", "[1]", "[0,1]")}}`, 1),
    code: "TENSOR_INVALID",
    says: /w: .*"F7"/,
  },
  {
    name: "elements that end inside a byte",
    bytes: file(`{"w":${entry("F4", "[3]", "[0,2]")}}`, 2),
    code: "TENSOR_INVALID",
    says: /w: .*whole byte/,
  },
  {
    name: "a negative size",
    bytes: file(`{"w":${entry("U8", "[-1]", "[0,1]")}}`, 1),
    code: "HEADER_INVALID",
    says: /integer/,
  },
  {
    name: "a fraction",
    bytes: file(`{"w":${entry("U8", "[1.5]", "[0,1]")}}`, 1),
    code: "HEADER_INVALID",
    says: /integer/,
  },
  {
    name: "an exponent",
    bytes: file(`{"w":${entry("U8", "[1e300]", "[0,1]")}}`, 1),
    code: "HEADER_INVALID",
    says: /integer/,
  },
  {
    name: "a size past 2^53",
    bytes: file(`{"w":${entry("U8", "[9007199254740993]", "[0,1]")}}`, 1),
    code: "HEADER_INVALID",
    says: /2\^53/,
  },
  {
    name: "a product past 2^53",
    bytes: file(`{"w":${entry("F32", "[4294967296,4294967296]", "[0,0]")}}`),
    code: "TENSOR_INVALID",
    says: /too large/,
  },
  {
    name: "offsets as text",
    bytes: file(`{"w":${entry("U8", "[1]", '["0","1"]')}}`, 1),
    code: "HEADER_INVALID",
    says: /integer/,
  },
  {
    name: "three offsets",
    bytes: file(`{"w":${entry("U8", "[1]", "[0,1,2]")}}`, 1),
    code: "TENSOR_INVALID",
    says: /begin and an end/,
  },
  {
    name: "offsets the wrong way",
    bytes: file(`{"w":${entry("U8", "[1]", "[1,0]")}}`, 1),
    code: "TENSOR_INVALID",
    says: /begin and an end/,
  },
  {
    name: "more bytes than the shape",
    bytes: file(`{"w":${entry("F32", "[2]", "[0,12]")}}`, 12),
    code: "TENSOR_INVALID",
    says: /takes 8 bytes/,
  },
  {
    name: "data past the end",
    bytes: file(`{"w":${float}}`, 7),
    code: "DATA_TRUNCATED",
    says: /w: .*holds 7/,
  },
  {
    name: "overlap",
    bytes: file(`{"a":${float},"b":${entry("U8", "[4]", "[6,10]")}}`, 10),
    code: "TENSOR_OVERLAP",
    says: /b: byte \d+/,
  },
  {
    name: "a hole",
    bytes: file(`{"a":${float},"b":${entry("U8", "[4]", "[9,13]")}}`, 13),
    code: "TENSOR_INVALID",
    says: /1 bytes before/,
  },
  {
    name: "bytes after the last tensor",
    bytes: file(`{"a":${float}}`, 9),
    code: "TENSOR_INVALID",
    says: /1 bytes after/,
  },
];

describe("readSafetensors", () => {
  test.each(attacks)("refuses $name", ({ bytes, code, says }) => {
    const error = readError(bytes);
    expect({ code: error.code, path: error.path }).toEqual({ code, path });
    expect(error.message).toMatch(says);
  });

  it("names the byte where a wrong tensor stands in the header", () => {
    const header = `{"é":${entry("U8", "[0]", "[0,0]")},"w":${entry("F7", "[1]", "[0,1]")}}`;
    expect(readError(file(header, 1))).toMatchObject({
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

  it("meets damage with a typed error or an intact file, never anything else", () => {
    const whole = file(`{"a":${float},"b":${entry("U8", "[4]", "[8,12]")}}`, 12);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
        const damaged = Uint8Array.from(whole.subarray(0, length));
        if (at < length) damaged[at] = value;
        writeFileSync(path, damaged);
        try {
          for (const { shape, data } of readSafetensors(path).tensors.values())
            expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(ModelFormatError);
        }
      }),
      { numRuns: 500 },
    );
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

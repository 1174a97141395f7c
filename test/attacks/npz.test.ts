import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { readNpz } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { readAllOfNpz as readAll } from "../support/read-all-of-npz.js";
import { attack, Bytes, refusal } from "../support/refusal.js";
import { type ZippedEntry, zip } from "../support/zip.js";

const path = join(temporaryFolder(), "hostile.npz");
const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)));
const array = fixture("numpy.npy");
const deflated = deflateRawSync(array);
const stored: ZippedEntry = { name: "a.npy", data: array };
const packed: ZippedEntry = {
  name: "a.npy",
  data: deflated,
  method: 8,
  crc: crc32(array),
  size: array.byteLength,
};
const FULL = 0xffffffff;
const extra64 = (...values: (number | bigint)[]) =>
  new Bytes()
    .u16(1, values.length * 8)
    .u64(...values)
    .end();
/** The records of 64-bit sizes, as they stand between the directory of `stored` and the record at the end. */
const end64 = ({ at = 0, count = 1, size = 51, offset = 187, disk = 0, extra = 0 } = {}) =>
  new Bytes()
    .u32(0x06064b50)
    .u64(44 + extra)
    .u16(45, 45)
    .u32(disk, 0)
    .u64(count, count, size, offset)
    .u32(0x07064b50, 0)
    .u64(at || 187 + 51)
    .u32(1)
    .end();
test("the archives that follow are sound but for what they name", () => {
  for (const entry of [stored, packed]) {
    writeFileSync(path, zip([entry]));
    expect(readNpz(path).tensors.get("a")!.data).toHaveLength(6);
  }
  writeFileSync(path, zip([stored], { before: end64(), count: 0xffff, size: FULL, offset: FULL }));
  expect(readNpz(path).tensors.get("a")!.data).toHaveLength(6);
});

describe("refuses an archive with", () => {
  test.each<[string, Uint8Array, string, RegExp]>([
    ["no bytes", new Uint8Array(0), "FORMAT_UNKNOWN", /not a whole zip/],
    ["text", Buffer.from("hello".repeat(100)), "FORMAT_UNKNOWN", /not a whole zip/],
    ["no directory", zip([stored]).subarray(0, 200), "DATA_TRUNCATED", /directory at the end is missing/],
    ["a comment cut off", zip([stored], { comment: "abc" }).subarray(0, -1), "DATA_TRUNCATED", /missing/],
    ["bytes behind it", Buffer.concat([zip([stored]), Buffer.from("x")]), "DATA_TRUNCATED", /missing/],
    [
      "bytes before it",
      Buffer.concat([Buffer.from("#!/bin/sh\n"), zip([stored])]),
      "HEADER_INVALID",
      /before or inside/,
    ],
    ["a directory elsewhere", zip([stored], { offset: 0 }), "HEADER_INVALID", /before or inside/],
    ["a directory past the end", zip([stored], { offset: FULL }), "HEADER_INVALID", /before or inside/],
    ["fewer entries than it counts", zip([stored], { count: 2 }), "HEADER_INVALID", /ends before/],
    ["more entries than it counts", zip([stored], { count: 0 }), "HEADER_INVALID", /belong to no entry/],
    [
      "a million entries",
      zip([stored], { before: end64({ count: 1e6 }), count: 0xffff }),
      "HEADER_TOO_LARGE",
      /1000000/,
    ],
    [
      "2^53 entries",
      zip([stored], { before: end64({ count: 2 ** 53 }), count: 0xffff }),
      "HEADER_TOO_LARGE",
      /limit/,
    ],
    [
      "a second directory of 64 bits",
      zip([stored], { before: end64({ count: 7 }) }),
      "HEADER_INVALID",
      /contradicts/,
    ],
    [
      "64-bit records in several files",
      zip([stored], { before: end64({ disk: 1 }) }),
      "HEADER_INVALID",
      /several files/,
    ],
    [
      "64-bit records past the end",
      zip([stored], { before: end64({ at: 2 ** 52 }) }),
      "HEADER_INVALID",
      /before what points/,
    ],
    [
      "64-bit records elsewhere",
      zip([stored], { before: end64({ at: 8 }) }),
      "HEADER_INVALID",
      /no such record/,
    ],
    [
      "bytes between those records",
      zip([stored], { before: end64({ extra: 4 }) }),
      "HEADER_INVALID",
      /should/,
    ],
    ["a name twice", zip([stored, stored]), "HEADER_INVALID", /twice/],
    ["a name that is not UTF-8", zip([{ ...stored, name: Uint8Array.of(0xff) }]), "TEXT_NOT_UTF8", /name/],
    ["no name", zip([{ ...stored, name: "" }]), "HEADER_INVALID", /empty/],
    ["a name that ends early", zip([{ ...stored, name: "a.npy\0.txt" }]), "HEADER_INVALID", /zero byte/],
    ["encryption", zip([{ ...stored, flags: 1 }]), "HEADER_INVALID", /encrypted/],
    ["another method", zip([{ ...stored, method: 12 }]), "HEADER_INVALID", /method 12/],
    [
      "another name at the entry",
      zip([{ ...stored, local: { name: "b.npy" } }]),
      "HEADER_INVALID",
      /something else/,
    ],
    [
      "another method at the entry",
      zip([{ ...stored, local: { method: 8 } }]),
      "HEADER_INVALID",
      /something else/,
    ],
    ["another size at the entry", zip([{ ...stored, local: { size: 1 } }]), "HEADER_INVALID", /another size/],
    ["another checksum at the entry", zip([{ ...stored, local: { crc: 1 } }]), "HEADER_INVALID", /checksum/],
    ["no header at the entry", zip([{ ...stored, offset: 1 }]), "HEADER_INVALID", /not there/],
    [
      "another thing at the entry",
      zip([
        { name: "x", data: array },
        { ...stored, offset: 3 },
      ]),
      "TENSOR_OVERLAP",
      /what follows/,
    ],
    [
      "entries that overlap",
      zip([stored, { ...stored, name: "b.npy", offset: 40 }]),
      "TENSOR_OVERLAP",
      /what follows/,
    ],
    [
      "two entries over the same bytes",
      zip([stored, { ...stored, name: "b.npy", offset: 0 }]),
      "TENSOR_OVERLAP",
      /what follows/,
    ],
    ["an entry behind the directory", zip([{ ...stored, offset: 250 }]), "DATA_TRUNCATED", /pass byte/],
    ["an entry past the end", zip([{ ...stored, offset: FULL - 1 }]), "DATA_TRUNCATED", /pass byte/],
    [
      "data past the end",
      zip([{ ...stored, size: 5000, compressedSize: 5000 }]),
      "DATA_TRUNCATED",
      /5000 bytes/,
    ],
    ["a 64-bit size that is missing", zip([{ ...stored, size: FULL }]), "HEADER_INVALID", /missing/],
    [
      "a 64-bit size of 2^63",
      zip([{ ...stored, size: FULL, extra: extra64(2n ** 63n) }]),
      "HEADER_INVALID",
      /2\^53/,
    ],
    [
      "64-bit sizes twice",
      zip([{ ...stored, extra: Buffer.concat([extra64(1), extra64(2)]) }]),
      "HEADER_INVALID",
      /twice/,
    ],
    [
      "an extra field past its end",
      zip([{ ...stored, extra: new Bytes().u16(1, 99).end() }]),
      "HEADER_INVALID",
      /extra field/,
    ],
    ["two sizes of stored data", zip([{ ...stored, size: 100 }]), "HEADER_INVALID", /declares 100/],
    [
      "no array in an entry of that name",
      zip([{ name: "a.npy", data: Buffer.from("hello world") }]),
      "FORMAT_UNKNOWN",
      /NUMPY/,
    ],
    [
      "an array cut short",
      zip([{ name: "a.npy", data: array.subarray(0, 140) }]),
      "DATA_TRUNCATED",
      /but 12 follow/,
    ],
    [
      "bytes after an array",
      zip([{ name: "a.npy", data: Buffer.concat([array, array]) }]),
      "TENSOR_INVALID",
      /follow/,
    ],
    ["damaged data", zip([{ ...stored, crc: 1 }]), "DATA_MISMATCH", /checksum/],
    [
      "data that is not deflated",
      zip([{ ...packed, data: Buffer.alloc(50, 255) }]),
      "DATA_MISMATCH",
      /inflated/,
    ],
    ["a stream cut short", zip([{ ...packed, data: deflated.subarray(0, -3) }]), "DATA_MISMATCH", /inflate/],
    [
      "bytes behind the stream",
      zip([{ ...packed, data: Buffer.concat([deflated, deflated]) }]),
      "DATA_MISMATCH",
      /are declared/,
    ],
    ["damaged deflated data", zip([{ ...packed, crc: 1 }]), "DATA_MISMATCH", /checksum/],
    [
      "more data than declared",
      zip([{ ...packed, data: deflateRawSync(Buffer.concat([array, array])) }]),
      "DATA_MISMATCH",
      /more than the 152/,
    ],
    [
      "less data than declared",
      zip([{ ...packed, size: 152, data: deflateRawSync(array.subarray(0, 150)) }]),
      "DATA_MISMATCH",
      /150/,
    ],
    ["an empty stream", zip([{ ...packed, data: new Uint8Array(0) }]), "FORMAT_UNKNOWN", /NUMPY/],
  ])("%s", (_, bytes, code, says) => {
    const error = attack(path, bytes, readAll);
    expect({ code: error.code, path: error.path }).toEqual({ code, path });
    expect(error.message).toMatch(says);
  });
});

it("keeps names that point elsewhere as names, and objects for what they are", () => {
  const objects = new Bytes().u8(0x93).text("NUMPY").u8(1, 0);
  const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
  objects.u16(header.length).text(header).text("\x80\x04N.");
  const names = ["../../etc/x.npy", "/etc/x.npy", "C:\\x.npy", "__proto__.npy", "<img src=x>.npy"];
  writeFileSync(
    path,
    zip([
      ...names.map((name) => ({ name, data: array })),
      { name: "run.npy", data: objects.end() },
      { name: "folder/", data: new Uint8Array(0) },
      { name: "../readme", data: array },
    ]),
  );
  const { tensors, others } = readNpz(path);
  expect([...tensors.keys()]).toEqual(names.map((name) => name.slice(0, -4)));
  expect([...tensors.values()].every(({ data }) => data.length === 6)).toBe(true);
  expect([...others.keys()]).toEqual(["run", "folder/", "../readme"]);
  expect(others.get("run")).toMatch(/Python objects/);
});

it.each(["numpy.npz", "numpy-compressed.npz"])("refuses %s cut at any byte", (name) => {
  const bytes = fixture(name);
  for (let length = 0; length < bytes.byteLength; length += 13)
    expect(attack(path, bytes.subarray(0, length), readAll).code).toMatch(/DATA_TRUNCATED|FORMAT_UNKNOWN/);
});

it.each(["numpy.npz", "numpy-compressed.npz"])(
  "meets damage of %s with a typed error or an intact file, never anything else",
  (name) => {
    const original = fixture(name);
    const edit = fc.tuple(
      fc.nat(original.byteLength - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 8, 127, 128, 255)),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of edits) bytes[at] = value;
        writeFileSync(path, bytes);
        refusal(() => readAll(path));
      }),
      { numRuns: 400, seed: 1 },
    );
  },
);

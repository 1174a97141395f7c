import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, test } from "vitest";
import { readGguf } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, Bytes } from "../support/refusal.js";

const path = join(temporaryFolder(), "hostile.gguf");
const fixture = readFileSync(fileURLToPath(new URL("../fixtures/every-type.gguf", import.meta.url)));
const HUGE = 2n ** 64n - 1n;
const MAGIC = 0x46554747;

const start = (tensors: number | bigint, keys: number | bigint, version = 3) =>
  new Bytes().u32(MAGIC, version).u64(tensors, keys);
const named = (bytes: Bytes, name: string) => bytes.u64(Buffer.byteLength(name)).text(name);
const key = (name: string) => named(start(0, 1), name);
/** One tensor's entry. */
const info = (
  bytes: Bytes,
  name: string,
  sizes: (number | bigint)[],
  type = 0,
  offset: number | bigint = 0,
) =>
  named(bytes, name)
    .u32(sizes.length)
    .u64(...sizes)
    .u32(type)
    .u64(offset);
/** The header padded, and data behind it. */
const withData = (bytes: Bytes, count: number) => bytes.zeros((32 - (bytes.length % 32)) % 32).zeros(count);
const alignment = (value: number, type = 4) => key("general.alignment").u32(type, value);

test.each<[string, Bytes, string, RegExp]>([
  ["an empty file", new Bytes(), "FORMAT_UNKNOWN", /not a GGUF/],
  ["four bytes", new Bytes().u32(MAGIC), "DATA_TRUNCATED", /4 bytes/],
  ["another magic", new Bytes().text("GGML").zeros(100), "FORMAT_UNKNOWN", /begin with GGUF/],
  ["version 0", start(0, 0, 0), "FORMAT_UNKNOWN", /version 0/],
  ["version 1", start(0, 0, 1), "FORMAT_UNKNOWN", /version 1/],
  ["a version to come", start(0, 0, 4), "FORMAT_UNKNOWN", /version 4/],
  ["big-endian bytes", start(0, 0, 0x03000000), "FORMAT_UNKNOWN", /big-endian/],
  ["2^64 - 1 tensors", start(HUGE, 0), "HEADER_INVALID", /tensors/],
  ["more tensors than bytes", start(65_536, 0), "DATA_TRUNCATED", /ends at byte/],
  ["more tensors than any model has", start(65_537, 0), "HEADER_INVALID", /more than 65536/],
  ["2^64 - 1 keys", start(0, HUGE), "HEADER_INVALID", /keys/],
  ["a key of 2^64 - 1 bytes", start(0, 1).u64(HUGE), "HEADER_INVALID", /bytes of a key/],
  ["a key past the end", start(0, 1).u64(1000).text("abc"), "DATA_TRUNCATED", /1000 bytes/],
  ["an empty key", key("").u32(0).u8(1), "HEADER_INVALID", /empty/],
  [
    "a key twice",
    named(named(start(0, 2), "a").u32(0).u8(1), "a")
      .u32(0)
      .u8(2),
    "HEADER_INVALID",
    /twice/,
  ],
  ["a key that is not UTF-8", start(0, 1).u64(1).u8(0xff).u32(0).u8(1), "TEXT_NOT_UTF8", /key/],
  ["a value of no type", key("a").u32(13).zeros(8), "HEADER_INVALID", /unknown type/],
  ["a bool of 2", key("a").u32(7).u8(2), "HEADER_INVALID", /bool of value 2/],
  ["a string of 2^64 - 1 bytes", key("a").u32(8).u64(HUGE), "HEADER_INVALID", /"a"/],
  [
    "a string past the end",
    key("a")
      .u32(8)
      .u64(2 ** 26),
    "DATA_TRUNCATED",
    /bytes are wanted/,
  ],
  ["text that is not UTF-8", key("a").u32(8).u64(1).u8(0xff), "TEXT_NOT_UTF8", /"a"/],
  ["an array of arrays", key("a").u32(9, 9).u64(1).u32(0).u64(1).u8(1), "HEADER_INVALID", /array of arrays/],
  ["an array of no type", key("a").u32(9, 99).u64(1), "HEADER_INVALID", /unknown type/],
  [
    "an array whose bytes overflow",
    key("a")
      .u32(9, 10)
      .u64(2n ** 61n),
    "HEADER_INVALID",
    /items/,
  ],
  [
    "an array past the end",
    key("a")
      .u32(9, 10)
      .u64(2 ** 23),
    "DATA_TRUNCATED",
    /bytes are wanted/,
  ],
  [
    "strings past the end",
    key("a")
      .u32(9, 8)
      .u64(2 ** 26),
    "DATA_TRUNCATED",
    /8 bytes/,
  ],
  ["an alignment of 0", alignment(0), "HEADER_INVALID", /power of two/],
  ["an alignment of 13", alignment(13), "HEADER_INVALID", /power of two/],
  ["an alignment of 2^31", alignment(2 ** 31), "HEADER_INVALID", /power of two/],
  ["an alignment that is a float", alignment(0, 6), "HEADER_INVALID", /power of two/],
  ["a name of 64 KiB", info(start(1, 0), "x".repeat(65536), [1]), "HEADER_INVALID", /more than 65535/],
  [
    "five dimensions",
    withData(info(start(1, 0), "w", [1, 1, 1, 1, 1]), 32),
    "TENSOR_INVALID",
    /5 dimensions/,
  ],
  ["2^32 - 1 dimensions", named(start(1, 0), "w").u32(2 ** 32 - 1), "TENSOR_INVALID", /dimensions/],
  ["a negative size", info(start(1, 0), "w", [HUGE]), "HEADER_INVALID", /elements/],
  [
    "sizes whose product wraps to 0",
    info(start(1, 0), "w", [2 ** 32, 2 ** 32]),
    "TENSOR_INVALID",
    /too large/,
  ],
  ["bytes past 2^53", info(start(1, 0), "w", [2 ** 52]), "TENSOR_INVALID", /too large/],
  ["an unknown type", info(start(1, 0), "w", [1], 4), "TENSOR_INVALID", /type 4/],
  ["half a block", withData(info(start(1, 0), "w", [33], 8), 64), "TENSOR_INVALID", /blocks of 32/],
  ["a scalar of blocks", withData(info(start(1, 0), "w", [], 8), 64), "TENSOR_INVALID", /blocks of 32/],
  [
    "an offset between alignments",
    withData(info(start(1, 0), "w", [8], 0, 4), 64),
    "TENSOR_INVALID",
    /instead of 0/,
  ],
  [
    "an offset of 2^64 - 32",
    withData(info(start(1, 0), "w", [8], 0, 2n ** 64n - 32n), 64),
    "HEADER_INVALID",
    /18446744073709551584 bytes of data/,
  ],
  [
    "two tensors at one place",
    withData(info(info(start(2, 0), "a", [8]), "b", [8]), 64),
    "TENSOR_OVERLAP",
    /instead/,
  ],
  [
    "a name twice",
    withData(info(info(start(2, 0), "a", [8]), "a", [8], 0, 32), 64),
    "TENSOR_INVALID",
    /twice/,
  ],
  ["data cut short", withData(info(start(1, 0), "w", [8]), 31), "DATA_TRUNCATED", /w.*ends at byte/],
  ["no data at all", info(start(1, 0), "w", [8]), "DATA_TRUNCATED", /w/],
  ["bytes after the data", withData(info(start(1, 0), "w", [8]), 33), "TENSOR_INVALID", /1 bytes after/],
  [
    "two tensors that together pass all memory",
    info(info(start(2, 0), "a", [2 ** 50]), "b", [2 ** 50], 0, 2 ** 52),
    "DATA_TRUNCATED",
    /a/,
  ],
])("refuses %s", (_, bytes, code, says) => {
  const error = attack(path, bytes.end(), readGguf);
  expect({ code: error.code, path: error.path }).toEqual({ code, path });
  expect(error.message).toMatch(says);
});

it("takes an empty file of the format, scalars, and tensors of no elements", () => {
  writeFileSync(path, start(0, 0).zeros(8).end());
  expect(readGguf(path).tensors.size).toBe(0);
  writeFileSync(path, withData(info(info(start(2, 0), "s", []), "e", [4, 0], 0, 32), 32).end());
  const { tensors } = readGguf(path);
  expect([tensors.get("s")!.shape, tensors.get("e")!.shape, tensors.get("e")!.data.length]).toEqual([
    [],
    [0, 4],
    0,
  ]);
});

it("refuses a real file cut at any byte", () => {
  for (let length = 0; length < fixture.length - 24; length += 31)
    expect(attack(path, fixture.subarray(0, length), readGguf).code).toMatch(/DATA_TRUNCATED|FORMAT_UNKNOWN/);
});

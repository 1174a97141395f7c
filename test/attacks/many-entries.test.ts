import { join } from "node:path";
import { expect, test } from "vitest";
import { readGguf } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, Bytes } from "../support/refusal.js";

const folder = temporaryFolder();

/** The most tensors and keys that a GGUF file may have. */
const MOST = 65_536;
const ggufStart = (tensors: number, keys: number) => new Bytes().u32(0x46554747, 3).u64(tensors, keys);
const named = (bytes: Bytes, name: string) => bytes.u64(name.length).text(name);
const ggufTensors = (last: string, type: number) => {
  const bytes = ggufStart(MOST, 0);
  for (let i = 0; i < MOST; i++) {
    const isLast = i === MOST - 1;
    named(bytes, isLast ? last : `layer.${i}.weight`)
      .u32(1)
      .u64(8)
      .u32(isLast ? type : 0)
      .u64(32 * i);
  }
  return bytes;
};
const ggufKeys = () => {
  const bytes = ggufStart(0, MOST);
  for (let i = 0; i < MOST; i++)
    named(bytes, i === MOST - 1 ? "key.0" : `key.${i}`)
      .u32(0)
      .u8(1);
  return bytes;
};

test.each<[string, () => Bytes, string, RegExp]>([
  ["a type that does not exist", () => ggufTensors("w", 4), "TENSOR_INVALID", /"w" has element type 4/],
  ["a name that came before", () => ggufTensors("layer.0.weight", 0), "TENSOR_INVALID", /comes twice/],
  ["no data behind them", () => ggufTensors("w", 0), "DATA_TRUNCATED", /the tensor ends at byte/],
  ["a key that came before", ggufKeys, "HEADER_INVALID", /"key\.0" comes twice/],
  [
    "a string that ends past the file",
    () => named(ggufStart(0, 1), "a").u32(9, 8).u64(1_000_001).zeros(8_000_000),
    "DATA_TRUNCATED",
    /8 bytes are wanted/,
  ],
])("refuses a GGUF file of very many entries whose last is %s", (_, bytes, code, says) => {
  const error = attack(join(folder, "hostile.gguf"), bytes().end(), readGguf);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(says);
});

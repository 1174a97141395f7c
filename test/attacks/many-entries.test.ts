import { join } from "node:path";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, it, test } from "vitest";
import { readGguf, readOnnx, readSafetensors } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, Bytes } from "../support/refusal.js";
import { entry, safetensorsBytes } from "../support/safetensors-bytes.js";

const folder = temporaryFolder();

const COUNT = 200_000;
const tensor = (i: number, name = `layer.${i}.weight`) =>
  `"${name}":${entry("U8", "[1]", `[${i},${i + 1}]`)}`;
const tensors = Array.from({ length: COUNT }, (_, i) => tensor(i)).join();
const odd = `"\\u00e9":${entry("U8", "[0]", "[0,0]")}`;
const pairs = Array.from({ length: COUNT }, (_, i) => `"key ${i}":"é"`).join();

test.each<[string, string, number, string, RegExp]>([
  [
    "a type that does not exist",
    `{${tensors},"w":${entry("F7", "[1]", "[0,1]")}}`,
    0,
    "TENSOR_INVALID",
    /w: .*"F7"/,
  ],
  [
    "a name that came before",
    `{${tensors},${tensor(COUNT, "layer.0.weight")}}`,
    1,
    "HEADER_INVALID",
    /twice/,
  ],
  ["no end of the header", `{${tensors}`, 0, "HEADER_INVALID", /expected }/],
  ["no end, and the first an escape", `{${odd},${tensors}`, 0, "HEADER_INVALID", /expected }/],
  ["a byte of no tensor", `{${tensors}}`, 1, "TENSOR_INVALID", /1 bytes after/],
  ["a tensor past the end", `{${tensors},${tensor(COUNT)}}`, 0, "DATA_TRUNCATED", /holds 200000/],
  [
    "a pair of the metadata without a text",
    `{"__metadata__":{${pairs},"k":1}}`,
    -COUNT,
    "HEADER_INVALID",
    /string/,
  ],
  [
    "a pair of the metadata that came before",
    `{"__metadata__":{${pairs},"key 0":""}}`,
    -COUNT,
    "HEADER_INVALID",
    /twice/,
  ],
])("refuses a safetensors file of very many entries whose last is %s", (_, header, extra, code, says) => {
  const error = attack(
    join(folder, "hostile.safetensors"),
    safetensorsBytes(header, COUNT + extra),
    readSafetensors,
  );
  expect(error.code).toBe(code);
  expect(error.message).toMatch(says);
});

it("refuses an index of very many tensors whose last is none", () => {
  const places = Array.from({ length: COUNT / 2 }, (_, i) => `"layer.${i}.weight":"a.safetensors"`);
  const index = Buffer.from(`{"weight_map":{${places},"w":1}}`);
  const error = attack(join(folder, "hostile.safetensors.index.json"), index, readSafetensors);
  expect(error.code).toBe("HEADER_INVALID");
});

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

/** A field of bytes. */
const field = (number: number, ...parts: Uint8Array[]) => {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return Buffer.concat([new BinaryWriter().tag(number, 2).uint32(length).finish(), ...parts]);
};
const initializer = Buffer.from([8, 0, 16, 1]);
const initializers = (last: Uint8Array) =>
  field(7, Buffer.concat(Array.from({ length: COUNT }, () => field(5, initializer))), last);
const opset = field(8, Buffer.from([16, 17]));

test.each<[string, () => Uint8Array, string]>([
  ["a name cut short", () => Buffer.concat([opset, initializers(Buffer.from([0x12, 9]))]), "WIRE_TRUNCATED"],
  ["no opset", () => initializers(Buffer.alloc(0)), "MODEL_INVALID"],
  [
    "no graph",
    () => Buffer.concat(Array.from({ length: COUNT }, () => field(14, field(1, Buffer.from("key"))))),
    "MODEL_INVALID",
  ],
  [
    "a tensor of eight million sizes",
    () => Buffer.concat([opset, field(7, field(5, field(1, Buffer.alloc(8_000_000, 1))))]),
    "WIRE_TOO_MANY",
  ],
  [
    "a tensor of a million sizes, one by one",
    () => Buffer.concat([opset, field(7, field(5, Buffer.alloc(2_000_000, Uint8Array.of(8, 1))))]),
    "WIRE_TOO_MANY",
  ],
])("refuses an ONNX file of very many entries whose last is %s", (_, bytes, code) => {
  expect(attack(join(folder, "hostile.onnx"), bytes(), readOnnx).code).toBe(code);
});

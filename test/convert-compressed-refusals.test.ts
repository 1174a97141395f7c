import { existsSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compressWeight, convertModel, type Tensor } from "../lib/index.js";
import { at, floats, partsOf, useConversionFolders, writeInput } from "./support/compressed-inputs.js";

useConversionFolders();

describe("convertModel with a scheme", () => {
  const up = floats([2, 128]);
  const packed = compressWeight(up, "W4A16");
  test.each<[string, Record<string, Tensor>, object, string, RegExp]>([
    ["nothing that it could quantize", { w: up }, {}, "NOTHING_TO_QUANTIZE", /called LAYER.weight/],
    [
      "weights that are quantized already",
      Object.fromEntries([["b.weight", up] as const, ...partsOf("a", packed)]),
      {},
      "UNSUPPORTED_CONVERSION",
      /a.weight is stored as pack-quantized already/,
    ],
    [
      "a name that is taken",
      { "a.weight": up, "a.weight_scale": up },
      {},
      "UNSUPPORTED_CONVERSION",
      /a tensor a.weight_scale already/,
    ],
  ])("refuses a file with %s", async (_, parts, options, code, message) => {
    const input = await writeInput(parts);
    const refused = convertModel(input, at("out", "m.safetensors"), { compressed: "W4A16", ...options });
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
  });

  test.each<[string, string[], object, RegExp]>([
    ["the folder of the input", ["in", "q.safetensors"], {}, /a folder other than the input's/],
    ["another format", ["out", "m.gguf"], {}, /\.safetensors output for quantized/],
    ["a type of blocks", ["out", "m.safetensors"], { dtype: "Q8_0" }, /\.gguf output for blocks/],
    ["a layer that is not there", ["out", "m.safetensors"], { ignore: ["lm_hed"] }, /layer.*"lm_hed"/],
    [
      "layers to ignore without a scheme",
      ["out", "m.safetensors"],
      { compressed: undefined, ignore: [] },
      /a scheme/,
    ],
  ])("refuses %s", async (_, target, options, message) => {
    const input = await writeInput();
    const refused = convertModel(input, at(...target), { compressed: "W4A16", ...options });
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(at(...target))).toBe(false);
  });

  test.each<[string, string | Uint8Array, string]>([
    ["no JSON", "{", "HEADER_INVALID"],
    ["no object", "[1]", "HEADER_INVALID"],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), "TEXT_NOT_UTF8"],
  ])("refuses a configuration that is %s, before it writes", async (_, content, code) => {
    const input = await writeInput();
    writeFileSync(at("out", "config.json"), content);
    const refused = convertModel(input, at("out", "m.safetensors"), { compressed: "W4A16" });
    await expect(refused).rejects.toMatchObject({ code, path: at("out", "config.json") });
    expect(existsSync(at("out", "m.safetensors"))).toBe(false);
  });
});

describe("a damaged file of quantized weights", () => {
  const whole = Object.fromEntries(partsOf("a", compressWeight(floats([8, 128]), "W4A16")));
  const shape = (rows: bigint, cols: bigint): Tensor => ({
    dtype: "int64",
    shape: [2],
    data: BigInt64Array.of(rows, cols),
  });
  test.each<[string, Record<string, Tensor>, RegExp]>([
    ["a size beyond its values", { "a.weight_shape": shape(8n, 1n << 40n) }, /do not hold a matrix/],
    [
      "a size of a wrong type",
      { "a.weight_shape": { dtype: "int32", shape: [2], data: Int32Array.of(8, 128) } },
      /not int64 \[2\]/,
    ],
    [
      "a scale that is infinite",
      { "a.weight_scale": { dtype: "float32", shape: [8, 1], data: new Float32Array(8).fill(Infinity) } },
      /infinite/,
    ],
    ["the weight also as it is", { "a.weight": floats([8, 128]) }, /packed and also as it is/],
  ])("with %s is refused by name", async (_, parts, message) => {
    const input = await writeInput({ ...whole, ...parts });
    const refused = convertModel(input, at("out", "m.safetensors"), { dtype: "float32" });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID", field: 'tensor "a.weight"' });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(at("out", "m.safetensors"))).toBe(false);
  });
});

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type CompressedWeight,
  compressWeight,
  convertModel,
  decompressWeight,
  dequantizeGguf,
  inspectTensors,
  readGguf,
  readSafetensors,
  type Tensor,
} from "../lib/index.js";
import {
  at,
  floats,
  partsOf,
  layers as tensors,
  useConversionFolders,
  writeInput,
} from "./support/compressed-inputs.js";

useConversionFolders();
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), "utf8"));

function read(path: string): Map<string, Tensor> {
  const file = readSafetensors(path);
  const copies = [...file.tensors].map(([name, tensor]): [string, Tensor] => [
    name,
    { ...tensor, data: tensor.data.slice() },
  ]);
  file.close();
  return new Map(copies);
}

describe("convertModel with a scheme", () => {
  it("quantizes the weights of linear layers and moves all else", async () => {
    const input = await writeInput();
    writeFileSync(at("in", "config.json"), '{ "hidden_size": 256, "quantization_config": { "old": 1 } }');
    const target = at("out", "model.safetensors");
    const result = await convertModel(input, target, { compressed: "W4A16", check: true });
    expect(result).toMatchObject({
      files: [target, at("out", "config.json")],
      tensors: 10,
      converted: 1,
      checked: true,
    });
    const { "model.layers.0.up.weight": weight, ...others } = tensors;
    const expected = new Map<string, Tensor>([
      ...Object.entries(others),
      ...partsOf("model.layers.0.up", compressWeight(weight, "W4A16")),
    ]);
    const written = read(target);
    expect(new Map([...written].sort())).toEqual(new Map([...expected].sort()));
    expect(json("out", "config.json")).toEqual({
      hidden_size: 256,
      quantization_config: {
        quant_method: "compressed-tensors",
        format: "pack-quantized",
        quantization_status: "compressed",
        config_groups: {
          group_0: {
            targets: ["Linear"],
            weights: {
              num_bits: 4,
              type: "int",
              symmetric: true,
              strategy: "group",
              group_size: 128,
              dynamic: false,
            },
            input_activations: null,
            output_activations: null,
          },
        },
        ignore: ["lm_head", "model.embed_tokens", "model.layers.0.odd"],
        kv_cache_scheme: null,
        global_compression_ratio: null,
      },
    });
  });

  it("leaves out the layers that are asked for, and takes every other", async () => {
    const input = await writeInput();
    await convertModel(input, at("out", "m.safetensors"), { compressed: "W8A8", ignore: ["lm_head"] });
    const names = [...read(at("out", "m.safetensors")).keys()];
    expect(names).toContain("lm_head.weight");
    expect(names).toContain("model.embed_tokens.weight_scale");
    const { ignore, config_groups, format } = json("out", "config.json").quantization_config;
    expect(ignore).toEqual(["lm_head"]);
    expect(format).toBe("int-quantized");
    expect(config_groups.group_0.input_activations).toEqual({
      num_bits: 8,
      type: "int",
      symmetric: true,
      strategy: "token",
      dynamic: true,
    });
  });

  it("keeps what the configuration beside the output says of other things", async () => {
    const input = await writeInput();
    writeFileSync(at("in", "config.json"), '{ "from": "in" }');
    writeFileSync(at("out", "config.json"), '{ "from": "out", "__proto__": { "x": 1 } }');
    await convertModel(input, at("out", "m.safetensors"), { compressed: "W8A16" });
    expect(json("out", "config.json").from).toBe("out");
    expect(readFileSync(at("out", "config.json"), "utf8")).toContain('"__proto__"');
  });

  it("gives scales and all else the type of dtype, and splits into shards", async () => {
    const input = await writeInput();
    const target = at("out", "m.safetensors");
    const options = { compressed: "W4A16_ASYM", dtype: "bfloat16", maxShardSize: 8000, check: true } as const;
    const { files } = await convertModel(input, target, options);
    expect(files[0]).toBe(`${target}.index.json`);
    const written = read(files[0]!);
    expect(written.get("model.layers.0.up.weight_scale")).toMatchObject({
      dtype: "bfloat16",
      shape: [12, 2],
    });
    expect(written.get("model.layers.0.norm.weight")!.dtype).toBe("bfloat16");
  });

  it("brings weights back with a dtype, into any format", async () => {
    const input = await writeInput();
    await convertModel(input, at("out", "m.safetensors"), { compressed: "W4A16_ASYM" });
    const weight = decompressWeight(compressWeight(tensors["model.layers.0.up.weight"], "W4A16_ASYM"));
    await convertModel(at("out", "m.safetensors"), at("back", "m.safetensors"), {
      dtype: "float32",
      check: true,
    });
    const back = read(at("back", "m.safetensors"));
    expect([...back.keys()].sort()).toEqual(Object.keys(tensors).sort());
    expect(back.get("model.layers.0.up.weight")).toEqual(weight);
    expect(existsSync(at("back", "config.json"))).toBe(false);

    await convertModel(at("out", "m.safetensors"), at("back", "m.gguf"), { dtype: "Q8_0" });
    const { tensors: blocks } = readGguf(at("back", "m.gguf"));
    const { type, shape, data } = blocks.get("model.layers.0.up.weight")!;
    expect({ type, shape }).toEqual({ type: "Q8_0", shape: [12, 256] });
    const values = dequantizeGguf(data as Uint8Array, { type: "Q8_0" });
    expect(Math.abs(values[5]! - (weight.data[5] as number))).toBeLessThan(0.01);
  });

  it("moves quantized weights as they are without a dtype, and what is said of them too", async () => {
    const input = await writeInput();
    await convertModel(input, at("out", "m.safetensors"), { compressed: "W4A16" });
    const options = { maxShardSize: 9000 };
    const { files } = await convertModel(at("out", "m.safetensors"), at("back", "m.safetensors"), options);
    expect(read(files[0]!)).toEqual(read(at("out", "m.safetensors")));
    expect(json("back", "config.json")).toEqual(json("out", "config.json"));
    expect(files.at(-1)).toBe(at("back", "config.json"));
  });

  it("stops on a value that is not finite, and leaves nothing behind", async () => {
    const broken = floats([2, 128]);
    broken.data[200] = Number.NaN;
    const input = await writeInput({ "a.weight": broken });
    const target = at("out", "m.safetensors");
    const refused = convertModel(input, target, { compressed: "W4A16" });
    await expect(refused).rejects.toMatchObject({ code: "TENSOR_INVALID", field: 'tensor "a.weight"' });
    await expect(refused).rejects.toThrow(/row 1 holds NaN/);
    expect(existsSync(target) || existsSync(at("out", "config.json"))).toBe(false);
  });
});

describe("inspectTensors", () => {
  it("tells how weights are stored, and what the configuration says", async () => {
    const input = await writeInput();
    await convertModel(input, at("out", "m.safetensors"), { compressed: "W8A16", ignore: [] });
    const { compressed } = await inspectTensors(at("out", "m.safetensors"));
    expect(compressed).toEqual({
      declared: "pack-quantized",
      groups: [{ format: "pack-quantized", weights: 4, bits: 8, strategy: "channel", symmetric: true }],
    });
    expect(await inspectTensors(input)).not.toHaveProperty("compressed");
  });

  it("lists what it cannot bring back, and why", async () => {
    const int8 = compressWeight(floats([4, 8]), "W8A8");
    const order: Tensor = { dtype: "int32", shape: [8], data: new Int32Array(8) };
    const ordered = partsOf("o", { ...int8, weight_g_idx: order } as CompressedWeight);
    const input = await writeInput(Object.fromEntries([...partsOf("p", int8), ...ordered]));
    const { compressed } = await inspectTensors(input);
    expect(compressed).not.toHaveProperty("declared");
    expect(compressed!.groups).toEqual(
      expect.arrayContaining([
        { format: "int-quantized", weights: 1, bits: 8, strategy: "channel", symmetric: true },
        { format: "int-quantized", weights: 1, problem: expect.stringContaining("weight_g_idx") },
      ]),
    );
  });
});

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, test } from "vitest";
import { readConfig } from "../../lib/compressed/read-config.js";
import {
  compressWeight,
  convertModel,
  inspectTensors,
  ModelFormatError,
  ModelOperationError,
  type Tensor,
  writeSafetensors,
} from "../../lib/index.js";
import { elementCount } from "../../lib/tensor.js";
import { temporaryFolder } from "../support/folder.js";
import { attack } from "../support/refusal.js";

const folder = temporaryFolder();
const config = join(folder, "config.json");

test.each<[string, string | Uint8Array, string, RegExp]>([
  ["nothing", "", "HEADER_INVALID", /JSON/],
  ["a list", "[]", "HEADER_INVALID", /object/],
  ["a text that does not end", `{"a":"${"\\".repeat(100_001)}`, "HEADER_INVALID", /JSON/],
  ["quotes that end nothing", `{"a":"${'\\"'.repeat(500_000)}`, "HEADER_INVALID", /JSON/],
  ["a million lists in lists", `{"a":${"[".repeat(1_000_000)}`, "HEADER_INVALID", /too deep/],
  ["ten thousand objects in objects", '{"a":'.repeat(10_000), "HEADER_INVALID", /too deep/],
  ["three megabytes", new Uint8Array(3_000_000).fill(0x20), "HEADER_TOO_LARGE", /3000000 bytes/],
  ["half a character", Uint8Array.of(0x7b, 0x22, 0xc3, 0x22, 0x7d), "TEXT_NOT_UTF8", /UTF-8/],
])("a configuration of %s is refused", (_, content, code, says) => {
  const error = attack(config, Buffer.from(content), () => readConfig(folder));
  expect({ code: error.code, path: error.path }).toEqual({ code, path: config });
  expect(error.message).toMatch(says);
});

it("takes brackets inside of texts for text", () => {
  writeFileSync(config, JSON.stringify({ a: `${"[".repeat(1000)}\\"{`, b: '"[' }));
  expect(readConfig(folder)).toEqual({ a: `${"[".repeat(1000)}\\"{`, b: '"[' });
});

it("meets tensors of any type and shape under the convention's names with a typed error or floats", async () => {
  const whole = compressWeight(
    { dtype: "float32", shape: [9, 16], data: new Float32Array(144).fill(1) },
    { format: "pack-quantized", bits: 4, strategy: "group", groupSize: 8, symmetric: false },
  );
  const array = {
    int8: Int8Array,
    uint8: Uint8Array,
    int32: Int32Array,
    int64: BigInt64Array,
    float32: Float32Array,
    bfloat16: Uint16Array,
  };
  const tensor = fc
    .tuple(
      fc.constantFrom(...(Object.keys(array) as (keyof typeof array)[])),
      fc.array(fc.constantFrom(0, 1, 2, 9, 16), { maxLength: 3 }),
      fc.integer({ min: -2, max: 40 }),
    )
    .map(([dtype, shape, value]): Tensor => {
      const data = new array[dtype](elementCount(shape));
      data.fill((dtype === "int64" ? BigInt(value) : value) as never);
      return { dtype, shape, data };
    });
  const bitmask = compressWeight(
    { dtype: "float32", shape: [9, 16], data: new Float32Array(144).fill(1, 0, 40) },
    "sparse-bitmask",
  );
  const names = [
    ...(["weight", "weight_packed", "weight_scale", "weight_shape", "weight_zero_point"] as const),
    ...(["bitmask", "compressed", "shape"] as const),
  ];
  const edits = fc.record(Object.fromEntries(names.map((name) => [name, tensor])), { requiredKeys: [] });
  const input = join(folder, "in", "m.safetensors");
  const output = join(folder, "out.safetensors");
  mkdirSync(join(folder, "in"));
  await fc.assert(
    fc.asyncProperty(edits, fc.subarray(names.slice(1)), async (changed, left) => {
      const parts = new Map<string, Tensor>(
        Object.entries({ ...whole, ...bitmask, ...(changed as Record<string, Tensor>) }),
      );
      if (!("weight" in changed)) parts.delete("weight");
      for (const name of left) parts.delete(name);
      if (parts.size === 0) return;
      await writeSafetensors(input, parts, { sync: false });
      await inspectTensors(input);
      await convertModel(input, output, { dtype: "float32", sync: false }).catch((error) => {
        if (!(error instanceof ModelFormatError || error instanceof ModelOperationError)) throw error;
      });
    }),
    { numRuns: 250, seed: 1 },
  );
});

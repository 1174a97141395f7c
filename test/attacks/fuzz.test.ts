import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { readGguf, readOnnx, readSafetensors, type Tensor, writeSafetensors } from "../../lib/index.js";
import { applyEdits, EDIT_KINDS, repairSafetensors } from "../../scripts/fuzz/edits.mjs";
import { buildModel, floats, modelFile } from "../support/build-model.js";
import { temporaryFolder } from "../support/folder.js";
import { refusal } from "../support/refusal.js";

const folder = temporaryFolder();
const edits = fc.array(
  fc.record({ kind: fc.constantFrom(...EDIT_KINDS), at: fc.nat(4000), value: fc.nat(255) }),
  { minLength: 1, maxLength: 4 },
);

/** Reads damaged copies of a file: each ends in a ModelFormatError or in tensors that are whole. */
function fuzz(
  name: string,
  whole: Uint8Array,
  read: (path: string) => { tensors: ReadonlyMap<string, Pick<Tensor, "shape" | "data">>; close(): void },
  repair: (damaged: Buffer) => Buffer = (damaged) => damaged,
): void {
  const path = join(folder, name);
  fc.assert(
    fc.property(edits, (damage) => {
      writeFileSync(path, repair(applyEdits(whole, damage)));
      refusal(() => {
        const file = read(path);
        for (const { data } of file.tensors.values()) expect(data.at(-1)).toBe(data[data.length - 1]);
        file.close();
      });
    }),
    { numRuns: 700, seed: 1 },
  );
}

const safetensors = join(folder, "whole.safetensors");
const tensors: Record<string, Tensor> = {
  "model.weight": { dtype: "float32", shape: [4, 8], data: new Float32Array(32) },
  "model.bias": { dtype: "int64", shape: [3], data: new BigInt64Array(3) },
  packed: { dtype: "float4e2m1", shape: [2, 4], data: new Uint8Array(4) },
  empty: { dtype: "bfloat16", shape: [0, 5], data: new Uint16Array() },
  scalar: { dtype: "uint8", shape: [], data: Uint8Array.of(1) },
};
beforeAll(() => writeSafetensors(safetensors, tensors, { metadata: { format: "pt" }, checksums: true }));

it("damaged safetensors files end in a typed error or whole tensors", () => {
  const dataBytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  fuzz("hostile.safetensors", readFileSync(safetensors), readSafetensors, (damaged) =>
    repairSafetensors(damaged, dataBytes),
  );
});

it("damaged indexes of sets do too", () => {
  const index = JSON.stringify({
    metadata: { total_size: 176 },
    weight_map: Object.fromEntries(Object.keys(tensors).map((name) => [name, "whole.safetensors"])),
  });
  fuzz("hostile.safetensors.index.json", Buffer.from(index), readSafetensors);
});

it("damaged GGUF files do too, and their metadata is whole", () => {
  const fixture = readFileSync(fileURLToPath(new URL("../fixtures/every-type.gguf", import.meta.url)));
  fuzz("hostile.gguf", fixture, (path) => {
    const file = readGguf(path);
    for (const { value } of file.metadata.values()) expect(value).toBeDefined();
    return file;
  });
});

it("damaged ONNX models do too", () => {
  const model = buildModel({
    nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"], attributes: { axes: [1, 2], k: 3 } }],
    initializers: [floats("w", [2, 2], [1, 2, 3, 4])],
    inputs: { x: ["batch", 2] },
    outputs: ["y"],
  });
  fuzz("hostile.onnx", modelFile(model), readOnnx);
});

it("bytes of any kind are refused by every reader", () => {
  const path = join(folder, "any.bin");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      writeFileSync(path, bytes);
      for (const read of [readSafetensors, readGguf]) expect(refusal(() => read(path))).toBeDefined();
      refusal(() => readOnnx(path));
    }),
    { numRuns: 500, seed: 1 },
  );
});

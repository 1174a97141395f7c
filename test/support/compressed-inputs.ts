import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach } from "vitest";
import { type CompressedWeight, type Tensor, writeSafetensors } from "../../lib/index.js";
import { temporaryFolder } from "./folder.js";

const root = temporaryFolder();
let folder = root;
let counter = 0;

/** Gives each test of a file folders of its own, "in", "out" and "back". */
export function useConversionFolders(): void {
  beforeEach(() => {
    folder = join(root, String(++counter));
    for (const name of ["in", "out", "back"]) mkdirSync(join(folder, name), { recursive: true });
  });
}

/** A path in the folder of the current test. */
export const at = (...parts: string[]): string => join(folder, ...parts);

export function floats(shape: number[], dtype: "float32" | "float64" = "float32"): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length }, (_, i) => Math.sin(i * i));
  return { dtype, shape, data: dtype === "float32" ? values : Float64Array.from(values) };
}

/** Layers that are quantized, and what is not. */
export const layers = {
  "model.embed_tokens.weight": floats([10, 256]),
  "model.layers.0.up.weight": floats([12, 256]),
  "model.layers.0.odd.weight": floats([12, 100]),
  "model.layers.0.norm.weight": floats([256]),
  "model.layers.0.up.bias": floats([12]),
  "lm_head.weight": floats([10, 256]),
  table: floats([4, 4]),
  "wide.weight": floats([4, 256], "float64"),
};

/** A safetensors file in the folder "in". */
export async function writeInput(parts: Record<string, Tensor> = layers): Promise<string> {
  const path = at("in", "model.safetensors");
  await writeSafetensors(path, parts);
  return path;
}

/** The tensors that a compressed weight of a layer is stored as, by name. */
export function partsOf(layer: string, weight: CompressedWeight): [string, Tensor][] {
  return Object.entries(weight).map(([part, tensor]) => [`${layer}.${part}`, tensor]);
}

import type { DType } from "../tensor.js";
import type { StoredFormat } from "./scheme.js";

/** A weight that several tensors hold, named as the convention names them. */
export interface StoredWeight<Stored> {
  readonly format: StoredFormat;
  /** The name of the weight before it was taken apart: "model.layers.0.mlp.up_proj.weight". */
  readonly name: string;
  /** Its tensors by what they are: "weight_packed", "weight_scale". */
  readonly parameters: ReadonlyMap<string, Stored>;
}

interface Signature {
  readonly format: StoredWeight<unknown>["format"];
  /** What comes after the common beginning of the names: first the tensor by which the others are found. */
  readonly required: readonly [string, ...string[]];
  readonly optional: readonly string[];
  /** The type of the first. */
  readonly dtype: DType | undefined;
  /** The name of the weight, by what comes before the names of its tensors. */
  nameOf(prefix: string): string;
}

const WEIGHT = (prefix: string) => `${prefix}weight`;
/**
 * The name of a weight without its zeros, by what comes before the names of its tensors. Older versions of the convention's library put
 * these after the name of the weight, not of its layer.
 */
export function bitmaskWeightName(prefix: string): string {
  return /(?:^|\.)(?:weight|bias)\.$/.test(prefix) ? prefix.slice(0, -1) : WEIGHT(prefix);
}

const SIGNATURES: readonly Signature[] = [
  {
    format: "pack-quantized",
    required: ["weight_packed", "weight_scale", "weight_shape"],
    optional: ["weight_zero_point", "weight_g_idx"],
    dtype: "int32",
    nameOf: WEIGHT,
  },
  {
    format: "int-quantized",
    required: ["weight", "weight_scale"],
    optional: ["weight_zero_point", "weight_g_idx"],
    dtype: "int8",
    nameOf: WEIGHT,
  },
  {
    format: "sparse-bitmask",
    required: ["bitmask", "compressed", "shape"],
    optional: ["row_offsets"],
    dtype: "uint8",
    nameOf: bitmaskWeightName,
  },
];

/**
 * Finds the weights that the compressed-tensors convention stores as several tensors, by the names and types of these.
 * Convention: https://github.com/vllm-project/compressed-tensors
 */
export function findWeights<Stored extends { readonly dtype: DType | undefined }>(
  tensors: ReadonlyMap<string, Stored>,
): StoredWeight<Stored>[] {
  const found: StoredWeight<Stored>[] = [];
  for (const [name, { dtype }] of tensors) {
    const signature = SIGNATURES.find(
      ({ required: [first], dtype: wanted }) =>
        dtype === wanted && (name === first || name.endsWith(`.${first}`)),
    );
    if (signature === undefined) continue;
    const { format, required, optional, nameOf } = signature;
    const prefix = name.slice(0, -required[0].length);
    if (!required.every((each) => tensors.has(prefix + each))) continue;
    const parameters = new Map<string, Stored>();
    for (const each of [...required, ...optional]) {
      const stored = tensors.get(prefix + each);
      if (stored !== undefined) parameters.set(each, stored);
    }
    found.push({ format, name: nameOf(prefix), parameters });
  }
  return found;
}

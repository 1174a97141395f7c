import { dirname } from "node:path";
import { bitmaskFormOf } from "../compressed/bitmask-form.js";
import { findWeights, type StoredWeight } from "../compressed/find-weights.js";
import { declaredFormat } from "../compressed/quantization-config.js";
import { readConfig } from "../compressed/read-config.js";
import { SPARSE_BITMASK } from "../compressed/scheme.js";
import { formOfStored } from "../compressed/stored-form.js";
import { elementCount } from "../tensor.js";
import type { StoredTensor } from "./tensor-file.js";

/** Weights that the compressed-tensors convention stores as several tensors each. */
export interface CompressedSummary {
  /** What the `config.json` beside the file says of their format; absent where it says nothing. */
  declared?: string;
  /** By format, and what can be told of it. */
  groups: CompressedGroup[];
}

export interface CompressedGroup {
  format: string;
  /** How many weights. */
  weights: number;
  bits?: number;
  strategy?: "tensor" | "channel" | "group";
  groupSize?: number;
  symmetric?: boolean;
  /** The share of zeros, which are left out, in all of these weights together. */
  sparsity?: number;
  /** Why such weights cannot be brought back into floats. */
  problem?: string;
}

/** What stands in the way of one weight must not end the listing of a file. */
class Unreadable extends Error {}

/**
 * What a file holds of the convention; undefined where that is nothing.
 *
 * @throws ModelFormatError for a configuration beside such weights that is no JSON object
 */
export function describeCompressed(
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): CompressedSummary | undefined {
  const groups = new Map<string, CompressedGroup>();
  const values = { stored: 0, all: 0 };
  for (const weight of findWeights(tensors)) {
    const group = describe(weight, values);
    const key = JSON.stringify(group);
    const known = groups.get(key);
    if (known) known.weights++;
    else groups.set(key, group);
  }
  if (groups.size === 0) return undefined;
  for (const group of groups.values())
    if (group.format === SPARSE_BITMASK && group.problem === undefined)
      group.sparsity = 1 - values.stored / values.all;
  const config = readConfig(dirname(path));
  const declared = config && declaredFormat(config);
  return { ...(declared !== undefined && { declared }), groups: [...groups.values()] };
}

/** Adds to `values` those of a weight without its zeros. */
function describe(
  { format, parameters }: StoredWeight<StoredTensor>,
  values: { stored: number; all: number },
): CompressedGroup {
  const invalid = (message: string) => new Unreadable(message);
  try {
    if (format === SPARSE_BITMASK) {
      const { shape, stored } = bitmaskFormOf(parameters, invalid);
      values.stored += stored;
      values.all += elementCount(shape);
      return { format, weights: 1 };
    }
    const { layout, symmetric } = formOfStored(format, parameters, invalid);
    const { bits, strategy, groupSize } = layout;
    return { format, weights: 1, bits, strategy, ...(strategy === "group" && { groupSize }), symmetric };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { format, weights: 1, problem: error.message };
  }
}

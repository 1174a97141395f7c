import { dirname } from "node:path";
import { findWeights, type StoredWeight } from "../compressed/find-weights.js";
import { declaredFormat } from "../compressed/quantization-config.js";
import { readConfig } from "../compressed/read-config.js";
import { formOfStored } from "../compressed/stored-form.js";
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
  for (const weight of findWeights(tensors)) {
    const group = describe(weight);
    const key = JSON.stringify(group);
    const known = groups.get(key);
    if (known) known.weights++;
    else groups.set(key, group);
  }
  if (groups.size === 0) return undefined;
  const config = readConfig(dirname(path));
  const declared = config && declaredFormat(config);
  return { ...(declared !== undefined && { declared }), groups: [...groups.values()] };
}

function describe({ format, parameters }: StoredWeight<StoredTensor>): CompressedGroup {
  if (format === "sparse-bitmask") return { format, weights: 1 };
  try {
    const { layout, symmetric } = formOfStored(format, parameters, (message) => new Unreadable(message));
    const { bits, strategy, groupSize } = layout;
    return { format, weights: 1, bits, strategy, ...(strategy === "group" && { groupSize }), symmetric };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { format, weights: 1, problem: error.message };
  }
}

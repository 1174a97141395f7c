import { type Summary, summarize } from "../minmax/summarize.js";
import { type DType, elementCount } from "../tensor.js";
import { floatChunks, hasFloats } from "./float-chunks.js";
import { summarizeBytes } from "./summarize-bytes.js";
import type { StoredTensor } from "./tensor-file.js";

export interface TensorStatistics extends Summary {
  /** Share of the values that are 0. */
  sparsity: number;
}

/** Types whose array elements are the values themselves. */
const DIRECT: ReadonlySet<DType | undefined> = new Set<DType>([
  "float32",
  "float64",
  "int8",
  "uint8",
  "bool",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
]);

/**
 * Range, zeros and NaN of a tensor in one pass over its bytes; floats of 4, 8 and 16 bits, integers of 4 and the blocks Q8_0 and Q4_0
 * by what they stand for. Undefined for a tensor without values, floats of 6 bits, complex numbers, and other blocks.
 */
export function tensorStatistics(stored: StoredTensor): TensorStatistics | undefined {
  const count = elementCount(stored.shape);
  if (count === 0) return undefined;
  if (DIRECT.has(stored.dtype)) return withSparsity(summarize(stored.load()), count);
  if (!hasFloats(stored)) {
    const small = stored.dtype && summarizeBytes(stored.dtype, () => stored.load() as Uint8Array, count);
    return small && withSparsity(small, count);
  }
  const total = { min: Infinity, max: -Infinity, zeros: 0, nans: 0 };
  for (const [values] of floatChunks(stored, count)) {
    const part = summarize(values);
    total.zeros += part.zeros;
    total.nans += part.nans;
    if (part.min < total.min) total.min = part.min;
    if (part.max > total.max) total.max = part.max;
  }
  if (total.nans === count) total.min = total.max = NaN;
  return withSparsity(total, count);
}

function withSparsity(summary: Summary, count: number): TensorStatistics {
  return { ...summary, sparsity: summary.zeros / count };
}

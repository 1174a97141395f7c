import { statSync } from "node:fs";
import { bitsPerElement } from "../../tensor.js";
import { deflatedSize } from "./deflated-size.js";
import type { Mask } from "./mask.js";
import type { PrunedSize, PruneOptions } from "./options.js";
import type { PruneSource } from "./source.js";

/** Bytes of a row's offset, and of a size, of which a matrix has two. */
const INT64_BYTES = 8;
const SIZES = 2;

/** How large a pruned model is, in the forms that it may be kept in. */
export async function prunedSize(
  { bytes, files }: PruneSource,
  masks: readonly Mask[],
  written: readonly string[],
  { zip, storage, signal }: PruneOptions,
): Promise<PrunedSize> {
  const saved = masks.reduce((sum, mask) => sum + Math.max(0, denseBytes(mask) - bitmaskBytes(mask)), 0);
  const after = written.reduce((sum, file) => sum + statSync(file).size, 0);
  const bitmask = storage === "bitmask" && after > 0 ? after : bytes - saved;
  const size = { before: bytes, after, bitmask };
  if (!zip || written.length === 0) return size;
  const before = files.length > 0 ? await deflatedSize(files, signal) : undefined;
  const deflated = await deflatedSize(written, signal);
  return {
    ...size,
    zip: { ...(before && { before: before.bytes }), after: deflated.bytes, estimated: deflated.estimated },
  };
}

function denseBytes({ weight: { count, dtype } }: Mask): number {
  return Math.ceil((count * bitsPerElement(dtype)) / 8);
}

/**
 * In the sparse-bitmask form of compressed-tensors: the values that are not 0, a bit for each value, an offset for each row. It is for
 * matrices, as which others are taken that have a row for each index of their first axis.
 */
function bitmaskBytes({ weight: { shape, count, dtype }, zeros }: Mask): number {
  const rows = Math.max(1, shape[0] ?? 1);
  const columns = count / rows;
  const values = Math.ceil(((count - zeros.after) * bitsPerElement(dtype)) / 8);
  return values + rows * (Math.ceil(columns / 8) + INT64_BYTES) + SIZES * INT64_BYTES;
}

import { createHash } from "node:crypto";
import { type ByteRegion, chunksOf } from "../tensor.js";

export interface Verification {
  /** Every tensor has a checksum and agrees with it, and none is missing. */
  readonly ok: boolean;
  /** Tensors that agree with their checksum. */
  readonly intact: string[];
  readonly damaged: { name: string; expected: string; actual: string }[];
  /** Tensors of which the file has no checksum. */
  readonly unchecked: string[];
  /** Checksums of tensors that the file lacks. */
  readonly missing: string[];
}

/** SHA-256 of memory of any size, in lowercase hexadecimal digits. */
export function sha256(region: ByteRegion): string {
  const hash = createHash("sha256");
  for (const piece of chunksOf(region)) hash.update(piece);
  return hash.digest("hex");
}

/** SHA-256 of a tensor's bytes, with its type and shape before it, so that a changed header is damage too. */
export function tensorChecksum(type: string, shape: readonly number[], data: ByteRegion): string {
  return `${type} [${shape.join(",")}] ${sha256(data)}`;
}

/** Compares the checksums that a file holds with those of its tensors, which are computed where there is one to compare with. */
export async function compareChecksums(
  stored: ReadonlyMap<string, string>,
  tensors: AsyncIterable<readonly [name: string, checksum: () => string]>,
): Promise<Verification> {
  const intact: string[] = [];
  const damaged: Verification["damaged"] = [];
  const unchecked: string[] = [];
  const missing = new Set(stored.keys());
  for await (const [name, checksum] of tensors) {
    missing.delete(name);
    const expected = stored.get(name);
    if (expected === undefined) {
      unchecked.push(name);
      continue;
    }
    const actual = checksum();
    if (actual === expected) intact.push(name);
    else damaged.push({ name, expected, actual });
  }
  const ok = damaged.length + unchecked.length + missing.size === 0;
  return { ok, intact, damaged, unchecked, missing: [...missing] };
}

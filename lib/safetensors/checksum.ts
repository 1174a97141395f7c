import { createHash } from "node:crypto";
import type { MapOptions } from "../files/map-file.js";
import { type ByteRegion, chunksOf, type Tensor } from "../tensor.js";
import { type IterateOptions, readSafetensors } from "./read.js";

const PREFIX = "sha256:";

/** The key of a tensor's checksum in the metadata. */
export function checksumKey(name: string): string {
  return PREFIX + name;
}

export function isChecksumKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** SHA-256 of a tensor's bytes, with its type and shape before it, so that a changed header is damage too. */
export function checksumOf({ dtype, shape, data }: Tensor): string {
  return `${dtype} [${shape.join(",")}] ${sha256(data)}`;
}

/** SHA-256 of memory of any size, in lowercase hexadecimal digits. */
export function sha256(region: ByteRegion): string {
  const hash = createHash("sha256");
  for (const piece of chunksOf(region)) hash.update(piece);
  return hash.digest("hex");
}

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

/**
 * Compares every tensor of a safetensors file or set with the checksum that `writeSafetensors` put beside it with
 * `checksums: true`. This finds damage, not malice: who can change a tensor can change its checksum.
 *
 * @throws ModelFormatError as readSafetensors, where the file is too damaged to be opened; the signal's reason
 */
export async function verifySafetensors(
  path: string,
  { mmap, ...options }: MapOptions & IterateOptions = {},
): Promise<Verification> {
  const file = readSafetensors(path, { mmap });
  try {
    const sums = new Map(
      Object.entries(file.metadata)
        .filter(([key]) => isChecksumKey(key))
        .map(([key, sum]) => [key.slice(PREFIX.length), sum]),
    );
    const intact: string[] = [];
    const damaged: Verification["damaged"] = [];
    const unchecked: string[] = [];
    for await (const [name, tensor] of file.iterate(options)) {
      const expected = sums.get(name);
      if (expected === undefined) {
        unchecked.push(name);
        continue;
      }
      const actual = checksumOf(tensor);
      if (actual === expected) intact.push(name);
      else damaged.push({ name, expected, actual });
    }
    const missing = [...sums.keys()].filter((name) => !file.entries.has(name));
    const ok = damaged.length + unchecked.length + missing.length === 0;
    return { ok, intact, damaged, unchecked, missing };
  } finally {
    file.close();
  }
}

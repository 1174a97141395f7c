import { compareChecksums, tensorChecksum, type Verification } from "../files/checksums.js";
import type { MapOptions } from "../files/map-file.js";
import type { OnProgress } from "../progress.js";
import { type GgufFile, readGguf } from "./read.js";
import type { GgufValue } from "./value.js";

/** Names and checksums of tensors, two arrays of the same order: names alone would have to be keys, which have rules. */
const NAMES_KEY = "modelpress.checksum.names";
const SUMS_KEY = "modelpress.checksum.sha256";

export interface VerifyGgufOptions extends MapOptions {
  signal?: AbortSignal | undefined;
  /** Told the bytes of the tensors compared so far. */
  onProgress?: OnProgress | undefined;
}

export function isChecksumKey(key: string): boolean {
  return key === NAMES_KEY || key === SUMS_KEY;
}

/** What the metadata says of tensors with these names and checksums. */
export function checksumMetadata(
  sums: readonly (readonly [name: string, sum: string])[],
): [string, GgufValue][] {
  const texts = (value: string[]) => ({ type: "array", of: "string", length: value.length, value }) as const;
  return [
    [NAMES_KEY, texts(sums.map(([name]) => name))],
    [SUMS_KEY, texts(sums.map(([, sum]) => sum))],
  ];
}

/**
 * Compares every tensor of a GGUF file with the checksum that `writeGguf` put into the metadata with `checksums: true`.
 * This finds damage, not malice: who can change a tensor can change its checksum.
 *
 * @throws ModelFormatError as readGguf, where the file is too damaged to be opened; the signal's reason
 */
export async function verifyGguf(
  path: string,
  { mmap, signal, onProgress }: VerifyGgufOptions = {},
): Promise<Verification> {
  const file = readGguf(path, { mmap });
  try {
    const sums = textsOf(file, SUMS_KEY);
    const stored = new Map(textsOf(file, NAMES_KEY).map((name, i) => [name, sums[i] ?? ""]));
    return await compareChecksums(stored, checksums(file, signal, onProgress));
  } finally {
    file.close();
  }
}

function textsOf(file: GgufFile, key: string): readonly string[] {
  const value = file.metadata.get(key);
  return value?.type === "array" && value.of === "string" ? (value.value as readonly string[]) : [];
}

async function* checksums(
  { entries, tensors }: GgufFile,
  signal: AbortSignal | undefined,
  onProgress: OnProgress | undefined,
): AsyncGenerator<[string, () => string]> {
  const total = [...entries.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  let done = 0;
  for (const [name, { byteLength }] of entries) {
    signal?.throwIfAborted();
    const { type, shape, data } = tensors.get(name)!;
    yield [name, () => tensorChecksum(type, shape, data)];
    done += byteLength;
    onProgress?.({ stage: "read", done, total });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

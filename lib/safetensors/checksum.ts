import { compareChecksums, tensorChecksum, type Verification } from "../files/checksums.js";
import type { MapOptions } from "../files/map-file.js";
import { type IterateOptions, readSafetensors, type SafetensorsFile } from "./read.js";

const PREFIX = "sha256:";

/** The key of a tensor's checksum in the metadata. */
export function checksumKey(name: string): string {
  return PREFIX + name;
}

export function isChecksumKey(key: string): boolean {
  return key.startsWith(PREFIX);
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
    const stored = Object.entries(file.metadata)
      .filter(([key]) => isChecksumKey(key))
      .map(([key, sum]) => [key.slice(PREFIX.length), sum] as const);
    return await compareChecksums(new Map(stored), checksums(file, options));
  } finally {
    file.close();
  }
}

async function* checksums(
  file: SafetensorsFile,
  options: IterateOptions,
): AsyncGenerator<[string, () => string]> {
  for await (const [name, { dtype, shape, data }] of file.iterate(options))
    yield [name, () => tensorChecksum(dtype, shape, data)];
}

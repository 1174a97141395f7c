import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A file that is still being written changes more often, whoever writes it and on whatever machine. */
const ABANDONED_MS = 60 * 60 * 1000;

/** A name may have 255 bytes, and a character three; with what stands around it a temporary name stays below. */
const MAX_CHARACTERS = 70;

/** The name of a temporary file beside `path`; no reader takes it for anything: it begins with a dot and ends in .tmp. */
export function temporaryName(path: string, process: number, random: string): string {
  return `${prefixOf(path)}${process}.${random}.tmp`;
}

/** Of all temporary files of `path`. */
function prefixOf(path: string): string {
  return `.${basename(path).slice(0, MAX_CHARACTERS)}.`;
}

/**
 * Removes temporary files of `path` that processes left which were killed while they wrote, once they are an hour old. What
 * cannot be removed stays: it is in nobody's way.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = prefixOf(path);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix) || !/^\d+\.[0-9a-f]{8}\.tmp$/.test(name.slice(prefix.length))) continue;
    const leftover = join(folder, name);
    const changed = await stat(leftover).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (changed < Date.now() - ABANDONED_MS) await rm(leftover, { force: true }).catch(() => undefined);
  }
}

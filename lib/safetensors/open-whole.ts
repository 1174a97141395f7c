import { statSync } from "node:fs";
import { ModelFormatError } from "../errors.js";

/** Writing a set takes far longer than opening it. */
const MAX_ATTEMPTS = 10;

/**
 * Opens a set again where its index was replaced meanwhile: then its shards may be of two sets. Writers here keep the shards of an
 * index in place until the next one has taken its own.
 *
 * @throws ModelFormatError INDEX_INVALID where it is replaced again and again; what `open` throws
 */
export function openWhole<Opened extends { close(): void }>(index: string, open: () => Opened): Opened {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = versionOf(index);
    let opened: Opened;
    try {
      opened = open();
    } catch (error) {
      if (versionOf(index) === before) throw error;
      continue;
    }
    if (versionOf(index) === before) return opened;
    opened.close();
  }
  throw new ModelFormatError("INDEX_INVALID", "the set was replaced each time while it was opened", {
    path: index,
  });
}

/** A file that takes its place has another number. Undefined where it cannot be looked at, which who opens it tells. */
function versionOf(path: string): string | undefined {
  try {
    const { ino, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch {
    return undefined;
  }
}

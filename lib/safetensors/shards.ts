import { existsSync } from "node:fs";
import { basename } from "node:path";
import { ModelFormatError, outOfRange } from "../errors.js";
import { readIndex } from "./index-file.js";

/** Splits things of a size into runs that stay under `limit`, in order; what is larger by itself gets a run of its own. */
export function splitBySize<T extends { readonly byteLength: number }>(
  items: readonly T[],
  limit: number,
): T[][] {
  const runs: T[][] = [];
  let room = 0;
  for (const item of items) {
    if (runs.length === 0 || item.byteLength > room) {
      runs.push([]);
      room = limit;
    }
    runs.at(-1)!.push(item);
    room = Math.max(0, room - item.byteLength);
  }
  return runs;
}

/**
 * Where shards of `path` are written: `model-00001-of-00003.safetensors`, the names that tools of the ecosystem look for, or where
 * `old`, the set that stands there, has some of these, `model.b-00001-of-00003.safetensors`. So the old index finds the old shards until
 * the new one, which is renamed last, takes its place.
 */
export function shardPaths(path: string, count: number, old: ReadonlySet<string>): string[] {
  const number = (value: number) => String(value).padStart(5, "0");
  const stem = path.replace(/\.safetensors$/, "");
  const named = (base: string) =>
    Array.from({ length: count }, (_, i) => `${base}-${number(i + 1)}-of-${number(count)}.safetensors`);
  const plain = named(stem);
  return plain.some((shard) => old.has(basename(shard))) ? named(`${stem}.b`) : plain;
}

/** Names of shards in the index of `path` that shardPaths could have given; none where there is no sound index. */
export function shardsOf(path: string): Set<string> {
  if (!existsSync(indexPath(path))) return new Set();
  const stem = basename(path, ".safetensors");
  const isOwn = (name: string) =>
    name.startsWith(stem) && /^(?:\.b)?-\d{5,}-of-\d{5,}\.safetensors$/.test(name.slice(stem.length));
  try {
    const { paths } = readIndex(indexPath(path));
    return new Set(paths.map((shard) => basename(shard)).filter(isOwn));
  } catch (error) {
    if (error instanceof ModelFormatError) return new Set();
    throw error;
  }
}

/** Where the index of a sharded `path` lies. */
export function indexPath(path: string): string {
  return `${path}.index.json`;
}

/** @throws RangeError unless shards of this size can be made of files named so */
export function checkSharding(path: string, maxShardSize: number): void {
  if (!(Number.isSafeInteger(maxShardSize) && maxShardSize > 0))
    throw outOfRange("a whole number of bytes from 1", "maxShardSize", maxShardSize);
  if (!path.endsWith(".safetensors"))
    throw outOfRange("a name that ends in .safetensors when maxShardSize is given", "path", path);
  // Readers of an index take no such names, which may mean another folder or a drive.
  if (/[\\:\p{Cc}]/u.test(basename(path)))
    throw outOfRange(
      "a file name without \\, : and control characters when maxShardSize is given",
      "path",
      path,
    );
}

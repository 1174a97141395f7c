import { outOfRange } from "../errors.js";

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

/** `model.safetensors` as `model-00001-of-00003.safetensors`, the names that tools of the ecosystem look for. */
export function shardPath(path: string, index: number, count: number): string {
  const number = (value: number) => String(value).padStart(5, "0");
  return path.replace(/\.safetensors$/, `-${number(index + 1)}-of-${number(count)}.safetensors`);
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
}

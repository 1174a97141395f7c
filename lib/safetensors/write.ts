import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { checkData } from "../check-data.js";
import { outOfRange, wrongType } from "../errors.js";
import { tensorChecksum } from "../files/checksums.js";
import {
  type FileSink,
  type Replacement,
  type ReplaceOptions,
  replaceFile,
  replaceFiles,
} from "../files/replace-file.js";
import { entriesOf, type NamedValues } from "../named-values.js";
import type { OnProgress } from "../progress.js";
import { Scratch } from "../scratch.js";
import { bitsPerElement, type DeferredTensor, elementCount, type Tensor } from "../tensor.js";
import { checksumKey, isChecksumKey } from "./checksum.js";
import { DTYPES } from "./entry.js";
import { MAX_HEADER_BYTES, PREFIX_BYTES } from "./header.js";
import { MAX_SHARDS } from "./index-file.js";
import { checkSharding, indexPath, shardPaths, shardsOf, splitBySize } from "./shards.js";

const NAMES = new Map([...DTYPES].map(([name, dtype], rank) => [dtype, { name, rank }]));
/** Alignment of the data: that of the widest element. */
const ALIGNMENT = 8;
/** How often progress is told and the signal looked at. */
const BATCH_BYTES = 64 * 1024 * 1024;

export interface WriteSafetensorsOptions extends ReplaceOptions {
  /** Free text by key, kept in the header. Checksums among it are left out: they are of the file it was read from. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Split into `NAME-00001-of-0000N.safetensors` of at most so many bytes of data each, with `NAME.safetensors.index.json`
   * beside them. Nothing is split that fits into one file. A tensor larger than this gets a file of its own. A set that stands there
   * is whole until its index is replaced: shards of the new one are called `NAME.b-...` where their names are taken, and the old ones
   * are removed in the end, as is a single file of this name, which loaders would take in place of the set. Two that write one set at
   * the same time mix their shards, which have the same names: let them take turns.
   */
  maxShardSize?: number | undefined;
  /** Put a SHA-256 of every tensor into the metadata, for verifySafetensors. Default false. */
  checksums?: boolean | undefined;
  /** Told the bytes of data written so far. */
  onProgress?: OnProgress | undefined;
}

interface Entry {
  readonly name: string;
  readonly key: Buffer;
  readonly tensor: Tensor | DeferredTensor;
  readonly type: { name: string; rank: number };
  readonly byteLength: number;
}

/**
 * Writes a safetensors file, whole or not at all, straight from the tensors' own memory. Wide elements come first, so that
 * every tensor is aligned; equal ones are sorted by name: the bytes are those that the format's own library writes.
 * `tensors` may be those of a file that is being replaced. Of deferred ones, one is in memory at a time.
 *
 * @returns the paths written; with shards the index comes first
 * @throws TypeError or RangeError for a tensor that the format has no type for, or whose shape and data disagree;
 * ModelFormatError FILE_UNWRITABLE; the signal's reason
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedValues<Tensor | DeferredTensor>,
  options: WriteSafetensorsOptions = {},
): Promise<string[]> {
  const { maxShardSize, metadata, onProgress, signal, sync } = options;
  if (maxShardSize !== undefined) checkSharding(path, maxShardSize);
  if (metadata !== undefined) checkMetadata(metadata);
  const entries: Entry[] = [];
  for (const [name, tensor] of entriesOf(tensors)) {
    const { type, byteLength } = checkTensor(name, tensor);
    entries.push({ name, key: Buffer.from(name), tensor, type, byteLength });
  }
  entries.sort((a, b) => b.type.rank - a.type.rank || Buffer.compare(a.key, b.key));
  const total = byteCountOf(entries);
  const scratch = new Scratch();
  let done = 0;
  const put = (shard: readonly Entry[]) => {
    const prefix = encodeHeader(shard, options, scratch);
    return async (file: FileSink) => {
      await file.write(prefix);
      for (const batch of splitBySize(shard, BATCH_BYTES)) {
        signal?.throwIfAborted();
        if (batch.some(({ tensor }) => "fill" in tensor))
          for (const { tensor } of batch) await file.write(scratch.dataOf(tensor));
        else await file.write(batch.map(({ tensor }) => (tensor as Tensor).data));
        done += byteCountOf(batch);
        onProgress?.({ stage: "write", done, total });
      }
    };
  };
  if (maxShardSize === undefined || total <= maxShardSize) {
    await replaceFile(path, put(entries), { sync, signal });
    return [path];
  }
  return writeSet(path, splitBySize(entries, maxShardSize), put, { maxShardSize, sync, signal });
}

function byteCountOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Writes shards and their index, then removes what stood in their place: another set, or a file, which loaders would take first. */
async function writeSet(
  path: string,
  shards: readonly (readonly Entry[])[],
  put: (shard: readonly Entry[]) => Replacement["write"],
  options: Pick<WriteSafetensorsOptions, "maxShardSize" | "sync" | "signal">,
): Promise<string[]> {
  if (shards.length > MAX_SHARDS)
    throw outOfRange(`a size that gives at most ${MAX_SHARDS} files`, "maxShardSize", options.maxShardSize);
  const old = shardsOf(path);
  const paths = shardPaths(path, shards.length, old);
  const index = encodeIndex(shards, paths);
  const replacements: Replacement[] = shards.map((shard, i) => ({ path: paths[i]!, write: put(shard) }));
  // Last, because by it the others are found.
  replacements.push({ path: indexPath(path), write: (file) => file.write(index) });
  await replaceFiles(replacements, options);
  const written = new Set(paths.map((shard) => basename(shard)));
  // Windows keeps what is still mapped.
  for (const name of [basename(path), ...old])
    if (!written.has(name)) await rm(join(dirname(path), name), { force: true }).catch(() => undefined);
  return [indexPath(path), ...paths];
}

function encodeIndex(shards: readonly (readonly Entry[])[], paths: readonly string[]): Buffer {
  const total = byteCountOf(shards.flat());
  const places = shards.flatMap((shard, i) =>
    shard.map(({ name, key }) => ({ name, key, file: basename(paths[i]!) })),
  );
  places.sort((a, b) => Buffer.compare(a.key, b.key));
  const lines = places.map(({ name, file }) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  return Buffer.from(
    `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines.join(",\n")}\n  }\n}\n`,
  );
}

/** Joined by hand: an object would lose the name "__proto__" and put names that look like numbers first. */
function encodeHeader(
  entries: readonly Entry[],
  { metadata, checksums }: WriteSafetensorsOptions,
  scratch: Scratch,
): Buffer {
  const members: string[] = [];
  const member = (name: string, value: unknown) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const texts = Object.entries(metadata ?? {})
    .filter(([key]) => !isChecksumKey(key))
    .map(([key, text]) => member(key, text));
  if (checksums)
    for (const { name, tensor } of entries) {
      const data = scratch.dataOf(tensor);
      texts.push(member(checksumKey(name), tensorChecksum(tensor.dtype, tensor.shape, data)));
    }
  if (metadata !== undefined || checksums) members.push(`"__metadata__":{${texts.join(",")}}`);
  let end = 0;
  for (const { name, tensor, type, byteLength } of entries) {
    const begin = end;
    end += byteLength;
    members.push(member(name, { dtype: type.name, shape: tensor.shape, data_offsets: [begin, end] }));
  }
  const text = Buffer.from(`{${members.join(",")}}`);
  const length = Math.ceil(text.byteLength / ALIGNMENT) * ALIGNMENT;
  if (length > MAX_HEADER_BYTES)
    throw outOfRange(`names and metadata of at most ${MAX_HEADER_BYTES} bytes`, "tensors", length);
  const bytes = Buffer.alloc(PREFIX_BYTES + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  text.copy(bytes, PREFIX_BYTES);
  return bytes;
}

function checkTensor(name: string, tensor: Tensor | DeferredTensor): Pick<Entry, "type" | "byteLength"> {
  const { dtype, shape } = tensor;
  const type = NAMES.get(dtype);
  const what = `tensor ${JSON.stringify(name)}`;
  if (name === "__metadata__" || !name.isWellFormed())
    throw outOfRange("a name the format allows", "tensor", name);
  if (type === undefined) throw outOfRange("a type that safetensors has", `dtype of ${what}`, dtype);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw outOfRange("sizes that are integers from 0", `shape of ${what}`, `[${shape.join(", ")}]`);
  const expected = (elementCount(shape) * bitsPerElement(dtype)) / 8;
  if (!Number.isInteger(expected)) throw outOfRange("whole bytes", `data of ${what}`, expected);
  if (!("fill" in tensor)) checkData(dtype, tensor.data, expected, what);
  return { type, byteLength: expected };
}

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  if (metadata instanceof Map) throw wrongType("an object of texts", "metadata", metadata);
  for (const [key, value] of Object.entries(metadata)) {
    const what = `metadata ${JSON.stringify(key)}`;
    if (typeof value !== "string") throw wrongType("a string", what, value);
    if (!key.isWellFormed() || !value.isWellFormed())
      throw outOfRange("text without half characters", what, value);
  }
}

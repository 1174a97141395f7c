import { basename } from "node:path";
import { ModelFormatError, outOfRange } from "../errors.js";
import { type MapOptions, type MappedFile, mapFile } from "../files/map-file.js";
import { LazyMap } from "../lazy-map.js";
import type { OnProgress } from "../progress.js";
import { bitsPerElement, elementCount, type Tensor, viewAs } from "../tensor.js";
import type { SafetensorsEntry } from "./entry.js";
import type { Header } from "./header.js";
import { readIndex } from "./index-file.js";
import { readFileHeader } from "./native-header.js";
import { openWhole } from "./open-whole.js";

export interface IterateOptions {
  signal?: AbortSignal | undefined;
  /** Told the bytes of the tensors handed out so far, after each. */
  onProgress?: OnProgress | undefined;
}

export interface SafetensorsFile {
  /** By name, in the order of the header. Each is made when it is asked for: a view of the file, or read from it. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** What the header says of each tensor; reading it touches no data. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The files it consists of: one, or the shards that the index names. */
  readonly paths: readonly string[];
  /**
   * Rows `begin` to `end` (not included) along the first axis; only they are read.
   * @throws RangeError for an unknown name, rows that are not there, or a packed type whose rows share bytes
   */
  slice(name: string, begin: number, end?: number): Tensor;
  /** All tensors one after the other, with a turn of the event loop between them. Throws the signal's reason. */
  iterate(options?: IterateOptions): AsyncGenerator<[string, Tensor]>;
  /** Gives the file back; its tensors become empty. */
  close(): void;
}

/**
 * Opens a safetensors file, or a set of them by its `.safetensors.index.json`, checking all headers first. Data is
 * mapped, or with `mmap: false` read when a tensor is asked for.
 * Format: https://github.com/huggingface/safetensors#format
 *
 * @throws ModelFormatError that names the file, the tensor and the byte: FILE_UNREADABLE, DATA_TRUNCATED,
 * HEADER_TOO_LARGE, HEADER_INVALID, TEXT_NOT_UTF8, TENSOR_INVALID, TENSOR_OVERLAP, or for a set INDEX_INVALID
 */
export function readSafetensors(path: string, options: MapOptions = {}): SafetensorsFile {
  if (path.endsWith(".json")) return openWhole(path, () => readSet(path, options));
  const file = mapFile(path, options);
  try {
    const { entries, metadata } = readFileHeader(file, 0);
    return new OpenSafetensors([path], [file], entries, Object.fromEntries(metadata));
  } catch (error) {
    file.close();
    throw error;
  }
}

function readSet(path: string, options: MapOptions): SafetensorsFile {
  const index = readIndex(path);
  const files: MappedFile[] = [];
  try {
    const headers = index.paths.map((shard, i) => {
      const file = openShard(shard, path, options);
      files.push(file);
      return readFileHeader(file, i);
    });
    const { entries, metadata } = join(headers, index.paths);
    index.check(entries);
    return new OpenSafetensors(index.paths, files, entries, Object.fromEntries(metadata));
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

/** Says who wants it where it cannot be opened: nobody may have heard of it. */
function openShard(path: string, index: string, options: MapOptions): MappedFile {
  try {
    return mapFile(path, options);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    const { code, cause } = error;
    throw new ModelFormatError(code, `${basename(index)} names it, but it cannot be opened`, { path, cause });
  }
}

/** Of the files of a set. */
function join(headers: readonly Header[], paths: readonly string[]): Header {
  const entries = new Map<string, SafetensorsEntry>();
  const metadata = new Map<string, string>();
  for (const header of headers) {
    for (const [name, entry] of header.entries) {
      if (entries.has(name))
        throw new ModelFormatError("INDEX_INVALID", "another file of the set has this tensor too", {
          path: paths[entry.file]!,
          field: name,
        });
      entries.set(name, entry);
    }
    for (const [key, value] of header.metadata) metadata.set(key, value);
  }
  return { entries, metadata };
}

class OpenSafetensors implements SafetensorsFile {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Bound, for those who take it out of the object. */
  readonly close = (): void => {
    for (const file of this.files) file.close();
  };

  constructor(
    readonly paths: readonly string[],
    private readonly files: readonly MappedFile[],
    readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {
    this.tensors = new LazyMap(
      entries,
      ({ dtype, shape, byteLength, file, offset }, name): Tensor => ({
        dtype,
        shape,
        data: viewAs(dtype, files[file]!.region(offset, byteLength, name)),
      }),
    );
  }

  slice(name: string, begin: number, end?: number): Tensor {
    const entry = this.entries.get(name);
    if (entry === undefined) throw outOfRange("the name of a tensor of the file", "name", name);
    const { dtype, shape, file, offset } = entry;
    const [rows, ...rest] = shape;
    if (rows === undefined) throw outOfRange("a tensor with at least one axis", "name", name);
    const last = end ?? rows;
    if (!(Number.isInteger(begin) && Number.isInteger(last) && begin >= 0 && begin <= last && last <= rows))
      throw outOfRange(`rows within 0 to ${rows}`, "slice", `${begin} to ${last}`);
    const rowBits = elementCount(rest) * bitsPerElement(dtype);
    if (rowBits % 8 !== 0) throw outOfRange("rows of whole bytes", `tensor ${JSON.stringify(name)}`, dtype);
    const rowBytes = rowBits / 8;
    const region = this.files[file]!.region(offset + begin * rowBytes, (last - begin) * rowBytes, name);
    return { dtype, shape: [last - begin, ...rest], data: viewAs(dtype, region) };
  }

  async *iterate({ signal, onProgress }: IterateOptions = {}): AsyncGenerator<[string, Tensor]> {
    let total = 0;
    for (const { byteLength } of this.entries.values()) total += byteLength;
    let done = 0;
    for (const [name, { byteLength }] of this.entries) {
      signal?.throwIfAborted();
      yield [name, this.tensors.get(name)!];
      done += byteLength;
      onProgress?.({ stage: "read", done, total });
      await new Promise((resolve) => setImmediate(resolve));
    }
    signal?.throwIfAborted();
  }
}

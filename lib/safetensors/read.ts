import { ModelFormatError, outOfRange } from "../errors.js";
import { type MapOptions, type MappedFile, mapFile } from "../files/map-file.js";
import { LazyMap } from "../lazy-map.js";
import type { OnProgress } from "../progress.js";
import { bitsPerElement, elementCount, type Tensor, viewAs } from "../tensor.js";
import { MAX_HEADER_BYTES, PREFIX_BYTES, parseHeader, type TensorEntry } from "./header.js";
import { readIndex } from "./index-file.js";

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

export interface SafetensorsEntry extends Pick<TensorEntry, "dtype" | "shape"> {
  readonly byteLength: number;
  /** Where the bytes lie: an index of `paths`, and the offset in that file. */
  readonly file: number;
  readonly offset: number;
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
  const index = path.endsWith(".json") ? readIndex(path) : undefined;
  const paths = index?.paths ?? [path];
  const files: MappedFile[] = [];
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    const entries = new Map<string, SafetensorsEntry>();
    const metadata = new Map<string, string>();
    for (const shard of paths) {
      const file = mapFile(shard, options);
      files.push(file);
      addFile(file, files.length - 1, entries, metadata);
    }
    index?.check(entries);
    return new OpenSafetensors(paths, files, entries, Object.fromEntries(metadata), close);
  } catch (error) {
    close();
    throw error;
  }
}

function addFile(
  file: MappedFile,
  index: number,
  entries: Map<string, SafetensorsEntry>,
  metadata: Map<string, string>,
): void {
  const headerBytes = readHeaderLength(file);
  const dataStart = PREFIX_BYTES + headerBytes;
  const header = parseHeader(file.read(PREFIX_BYTES, headerBytes), file.size - dataStart, file.path);
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    if (entries.has(name))
      throw new ModelFormatError("INDEX_INVALID", "another file of the set has this tensor too", {
        path: file.path,
        field: name,
      });
    entries.set(name, { dtype, shape, byteLength: end - begin, file: index, offset: dataStart + begin });
  }
  for (const [key, value] of header.metadata) metadata.set(key, value);
}

class OpenSafetensors implements SafetensorsFile {
  readonly tensors: ReadonlyMap<string, Tensor>;

  constructor(
    readonly paths: readonly string[],
    private readonly files: readonly MappedFile[],
    readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    readonly metadata: Readonly<Record<string, string>>,
    readonly close: () => void,
  ) {
    this.tensors = new LazyMap(
      entries,
      ({ dtype, shape, byteLength, file, offset }: SafetensorsEntry, name): Tensor => ({
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
      onProgress?.({ stage: "reading", done, total });
      await new Promise((resolve) => setImmediate(resolve));
    }
    signal?.throwIfAborted();
  }
}

function readHeaderLength(file: MappedFile): number {
  const { path, size } = file;
  if (size < PREFIX_BYTES)
    throw new ModelFormatError("DATA_TRUNCATED", `${size} bytes are too few for a safetensors file`, {
      path,
    });
  const { buffer, byteOffset } = file.read(0, PREFIX_BYTES);
  const length = new DataView(buffer, byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw new ModelFormatError(
      "HEADER_TOO_LARGE",
      `a header of ${length} bytes is over the format's limit of ${MAX_HEADER_BYTES}; is this a safetensors file?`,
      { path, offset: 0 },
    );
  if (length > size - PREFIX_BYTES)
    throw new ModelFormatError(
      "DATA_TRUNCATED",
      `the header takes ${length} bytes, but only ${size - PREFIX_BYTES} follow`,
      { path, offset: 0 },
    );
  return Number(length);
}

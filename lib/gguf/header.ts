import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { HeaderBytes } from "./header-bytes.js";
import {
  DEFAULT_ALIGNMENT,
  MAGIC,
  MAX_ALIGNMENT,
  MAX_DIMENSIONS,
  MAX_KEY_BYTES,
  MAX_KEYS,
  MAX_NAME_BYTES,
  MAX_TENSORS,
  VERSION,
} from "./limits.js";
import { readValue } from "./metadata.js";
import { GGUF_TYPES, type GgufType, ggufByteCount, ggufTypeOf } from "./tensor-type.js";
import type { GgufValue } from "./value.js";

export interface GgufEntry {
  readonly type: GgufType;
  /** Sizes, outermost first: the other way round than in the file. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Byte position in the file. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly alignment: number;
  readonly metadata: Map<string, GgufValue>;
  /** In the order of the file. */
  readonly entries: Map<string, GgufEntry>;
}

/** Reads and checks everything before the data, and that the data is there, each byte owned by one tensor or padding. */
export function readHeader(file: MappedFile): GgufHeader {
  const header = new HeaderBytes(file);
  if (file.size < 4 || header.uint32() !== MAGIC)
    throw new ModelFormatError("FORMAT_UNKNOWN", "this is not a GGUF file: it does not begin with GGUF", {
      path: file.path,
    });
  const version = header.uint32();
  if (version !== VERSION && version !== 2)
    header.fail(
      "FORMAT_UNKNOWN",
      version % 65536 === 0 && version !== 0
        ? "the file is big-endian; only little-endian GGUF is supported"
        : `version ${version}; versions 2 and 3 are supported`,
      4,
    );
  const tensorCount = header.count(MAX_TENSORS, "tensors");
  const keyCount = header.count(MAX_KEYS, "keys of metadata");
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const start = header.at;
    const key = header.string(MAX_KEY_BYTES, "a key");
    if (key === "") header.fail("HEADER_INVALID", "a key of metadata is empty", start);
    if (metadata.has(key)) header.fail("HEADER_INVALID", `key ${JSON.stringify(key)} comes twice`, start);
    metadata.set(key, readValue(header, key, file.path));
  }
  const alignment = readAlignment(metadata, header);
  const relative = readEntries(header, tensorCount);
  const dataStart = padded(header.at, alignment);
  const entries = new Map<string, GgufEntry>();
  let end = 0;
  for (const [name, { type, shape, byteLength, begin, position }] of relative) {
    const details = { path: file.path, field: name, offset: position };
    if (begin !== BigInt(end))
      throw new ModelFormatError(
        begin < BigInt(end) ? "TENSOR_OVERLAP" : "TENSOR_INVALID",
        `the tensor begins at byte ${begin} of the data instead of ${end}, where the one before it ends`,
        details,
      );
    const offset = dataStart + end;
    if (offset + byteLength > file.size)
      throw new ModelFormatError(
        "DATA_TRUNCATED",
        `the tensor ends at byte ${offset + byteLength}, but the file has ${file.size}`,
        details,
      );
    entries.set(name, { type, shape, byteLength, offset });
    end = padded(end + byteLength, alignment);
  }
  if (file.size > dataStart + end)
    throw new ModelFormatError(
      "TENSOR_INVALID",
      `${file.size - dataStart - end} bytes after the last tensor`,
      {
        path: file.path,
        offset: dataStart + end,
      },
    );
  return { version, alignment, metadata, entries };
}

/** Not with 32-bit operators: files are larger. */
export function padded(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>, header: HeaderBytes): number {
  const stored = metadata.get("general.alignment");
  if (stored === undefined) return DEFAULT_ALIGNMENT;
  const { type, value } = stored;
  if (type !== "uint32" || value === 0 || value > MAX_ALIGNMENT || (value & (value - 1)) !== 0)
    header.fail(
      "HEADER_INVALID",
      `general.alignment must be a uint32 and a power of two up to ${MAX_ALIGNMENT}`,
    );
  return value as number;
}

interface Relative {
  type: GgufType;
  shape: number[];
  byteLength: number;
  /** From the start of the data. */
  begin: bigint;
  /** Where the header speaks of it. */
  position: number;
}

function readEntries(header: HeaderBytes, count: number): Map<string, Relative> {
  const entries = new Map<string, Relative>();
  for (let i = 0; i < count; i++) {
    const position = header.at;
    const name = header.string(MAX_NAME_BYTES, "a tensor's name");
    const invalid = (message: string) =>
      header.fail("TENSOR_INVALID", `tensor ${JSON.stringify(name)} ${message}`, position);
    if (entries.has(name)) invalid("comes twice");
    const rank = header.uint32();
    if (rank > MAX_DIMENSIONS) invalid(`has ${rank} dimensions, more than ${MAX_DIMENSIONS}`);
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) shape.unshift(header.count(Number.MAX_SAFE_INTEGER, "elements"));
    const id = header.uint32();
    const type = ggufTypeOf(id);
    if (type === undefined) return invalid(`has element type ${id}, which is not known`);
    const begin = header.uint64();
    const byteLength = ggufByteCount(type, shape);
    if (byteLength === undefined)
      return invalid(
        `of shape [${shape.join(", ")}] is too large or no whole number of blocks of ${GGUF_TYPES[type].elements}`,
      );
    entries.set(name, { type, shape, byteLength, begin, position });
  }
  return entries;
}

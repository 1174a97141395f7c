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
  MAX_READ_NAME_BYTES,
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
  const entries = readEntries(header, tensorCount, { alignment, file });
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

/** An entry whose offset is not known yet. */
type Draft = { -readonly [Field in keyof GgufEntry]: GgufEntry[Field] };

/** Reads what the header says of each tensor, and checks that they fill the data one after the other, with padding alone between. */
function readEntries(
  header: HeaderBytes,
  count: number,
  { alignment, file }: { alignment: number; file: MappedFile },
): Map<string, GgufEntry> {
  const entries = new Map<string, Draft>();
  let end = 0;
  for (let i = 0; i < count; i++) {
    const position = header.at;
    const name = header.string(MAX_READ_NAME_BYTES, "a tensor's name");
    const entry = readEntry(header, name, position);
    if (entry.offset !== end)
      throw new ModelFormatError(
        entry.offset < end ? "TENSOR_OVERLAP" : "TENSOR_INVALID",
        `the tensor begins at byte ${entry.offset} of the data instead of ${end}, where the one before it ends`,
        { path: file.path, field: name, offset: position },
      );
    if (entries.set(name, entry).size === i) refuse(header, name, position, "comes twice");
    end = padded(end + entry.byteLength, alignment);
  }
  const dataStart = padded(header.at, alignment);
  for (const [name, entry] of entries) {
    entry.offset += dataStart;
    const { offset, byteLength } = entry;
    if (offset + byteLength > file.size)
      throw new ModelFormatError(
        "DATA_TRUNCATED",
        `the tensor ends at byte ${offset + byteLength}, but the file has ${file.size}`,
        { path: file.path, field: name, offset },
      );
  }
  const rest = file.size - dataStart - end;
  if (rest > 0) header.fail("TENSOR_INVALID", `${rest} bytes after the last tensor`, dataStart + end);
  return entries;
}

/** With the offset as the header has it: from the start of the data. */
function readEntry(header: HeaderBytes, name: string, position: number): Draft {
  const rank = header.uint32();
  if (rank > MAX_DIMENSIONS)
    refuse(header, name, position, `has ${rank} dimensions, more than ${MAX_DIMENSIONS}`);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.unshift(header.count(Number.MAX_SAFE_INTEGER, "elements"));
  const id = header.uint32();
  const type = ggufTypeOf(id);
  if (type === undefined) return refuse(header, name, position, `has element type ${id}, which is not known`);
  const offset = header.count(Number.MAX_SAFE_INTEGER, "bytes of data before a tensor");
  const byteLength = ggufByteCount(type, shape);
  if (byteLength === undefined)
    return refuse(
      header,
      name,
      position,
      `of shape [${shape.join(", ")}] is too large or no whole number of blocks of ${GGUF_TYPES[type].elements}`,
    );
  return { type, shape, byteLength, offset };
}

function refuse(header: HeaderBytes, name: string, position: number, message: string): never {
  return header.fail("TENSOR_INVALID", `tensor ${JSON.stringify(name)} ${message}`, position);
}

import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { bitsPerElement, type DType, elementCount } from "../tensor.js";
import { HeaderText } from "./header-text.js";

/** Bytes before the header: its own length, an unsigned 64-bit integer. */
export const PREFIX_BYTES = 8;
/** The format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The format's names of our types, in its own order of rank: the writer puts the last ones first. */
export const DTYPES = new Map<string, DType>([
  ["BOOL", "bool"],
  ["F4", "float4e2m1"],
  ["F6_E2M3", "float6e2m3"],
  ["F6_E3M2", "float6e3m2"],
  ["U8", "uint8"],
  ["I8", "int8"],
  ["F8_E5M2", "float8e5m2"],
  ["F8_E4M3", "float8e4m3fn"],
  ["F8_E8M0", "float8e8m0"],
  ["F8_E4M3FNUZ", "float8e4m3fnuz"],
  ["F8_E5M2FNUZ", "float8e5m2fnuz"],
  ["I16", "int16"],
  ["U16", "uint16"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I32", "int32"],
  ["U32", "uint32"],
  ["F32", "float32"],
  ["C64", "complex64"],
  ["F64", "float64"],
  ["I64", "int64"],
  ["U64", "uint64"],
]);

/** What the header says of a tensor. */
export interface SafetensorsEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Where the bytes lie: an index of `paths`, and the offset in that file. */
  readonly file: number;
  readonly offset: number;
}

export interface Header {
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Of the file that a header is from. */
interface HeaderPlace {
  readonly path: string;
  readonly file: number;
  /** Where the data begins. */
  readonly dataStart: number;
  readonly size: number;
}

/**
 * Reads and checks the header of a file, which is number `index` of its set: every tensor of a known type, its bytes exactly those
 * of its shape, all tensors together filling the data without hole or overlap. Offsets in errors count from the start of the file.
 */
export function readHeader(file: MappedFile, index: number): Header {
  const { path, size } = file;
  const headerBytes = readHeaderLength(file);
  const place = { path, file: index, dataStart: PREFIX_BYTES + headerBytes, size };
  return parseHeader(file.read(PREFIX_BYTES, headerBytes), place);
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

function parseHeader(bytes: Uint8Array, place: HeaderPlace): Header {
  const text = new HeaderText(bytes, place.path, PREFIX_BYTES);
  const entries = new Map<string, SafetensorsEntry>();
  let metadata = new Map<string, string>();
  text.object((name, position) => {
    if (name === "__metadata__") metadata = readMetadata(text);
    else {
      const invalid = (message: string) =>
        new ModelFormatError("TENSOR_INVALID", message, {
          path: place.path,
          field: name,
          offset: text.offsetOf(position),
        });
      entries.set(name, checkFields(readFields(text, name), place, invalid));
    }
  });
  text.end();
  checkLayout(entries, place);
  return { entries, metadata };
}

function readMetadata(text: HeaderText): Map<string, string> {
  const metadata = new Map<string, string>();
  text.object((key) => metadata.set(key, text.string()));
  return metadata;
}

interface Fields {
  dtype?: string;
  shape?: number[];
  offsets?: number[];
}

function readFields(text: HeaderText, name: string): Fields {
  const fields: Fields = {};
  text.object((key) => {
    if (key === "dtype") fields.dtype = text.string();
    else if (key === "shape") fields.shape = text.integers();
    else if (key === "data_offsets") fields.offsets = text.integers();
    else text.fail(`unknown field ${JSON.stringify(key)} of tensor ${JSON.stringify(name)}`);
  });
  return fields;
}

function checkFields(
  { dtype, shape, offsets }: Fields,
  { file, dataStart }: HeaderPlace,
  invalid: (message: string) => ModelFormatError,
): SafetensorsEntry {
  if (dtype === undefined || shape === undefined || offsets === undefined)
    throw invalid("a tensor needs dtype, shape and data_offsets");
  const known = DTYPES.get(dtype);
  if (known === undefined) throw invalid(`unknown dtype ${JSON.stringify(dtype)}`);
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin! > end!)
    throw invalid(`data_offsets must be a begin and an end not before it, not [${offsets.join(", ")}]`);
  const byteLength = checkedByteCount(known, shape);
  if (byteLength === undefined) throw invalid(`shape [${shape.join(", ")}] is too large`);
  if (!Number.isInteger(byteLength))
    throw invalid(`${dtype} of shape [${shape.join(", ")}] does not end on a whole byte`);
  if (byteLength !== end! - begin!)
    throw invalid(
      `${dtype} of shape [${shape.join(", ")}] takes ${byteLength} bytes, but data_offsets give ${end! - begin!}`,
    );
  return { dtype: known, shape, byteLength, file, offset: dataStart + begin! };
}

/** Undefined where the count of bits leaves the safe integers, in whatever order the sizes come; may be a fraction. */
function checkedByteCount(dtype: DType, shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  const bits = elementCount(shape) * bitsPerElement(dtype);
  return Number.isSafeInteger(bits) ? bits / 8 : undefined;
}

function checkLayout(
  entries: ReadonlyMap<string, SafetensorsEntry>,
  { path, dataStart, size }: HeaderPlace,
): void {
  // Nearly every file has its tensors in order already.
  let ordered: Iterable<[string, SafetensorsEntry]> = entries;
  let last = 0;
  for (const { offset, byteLength } of entries.values()) {
    if (offset < last) {
      ordered = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
      break;
    }
    last = offset + byteLength;
  }
  let covered = dataStart;
  for (const [name, { offset, byteLength }] of ordered) {
    const details = { path, field: name, offset };
    if (offset + byteLength > size)
      throw new ModelFormatError(
        "DATA_TRUNCATED",
        `the tensor ends at byte ${offset + byteLength - dataStart} of the data, but the file holds ${size - dataStart}`,
        details,
      );
    if (offset < covered)
      throw new ModelFormatError("TENSOR_OVERLAP", "the tensor shares bytes with another", details);
    if (offset > covered)
      throw new ModelFormatError(
        "TENSOR_INVALID",
        `${offset - covered} bytes before the tensor belong to none`,
        details,
      );
    covered = offset + byteLength;
  }
  if (covered < size)
    throw new ModelFormatError("TENSOR_INVALID", `${size - covered} bytes after the last tensor`, {
      path,
      offset: covered,
    });
}

import { ModelFormatError } from "../errors.js";
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

/**
 * A tensor of the header as nearly every writer puts it. In a process that has just started, matching it as a whole takes half the
 * time of reading it piece by piece; what does not match is read so, and gives the same or an error that says what is wrong.
 */
const INTEGER = "(?:0|[1-9]\\d{0,14})";
const PLAIN_TENSOR = new RegExp(
  `"(?!__metadata__")([^"\\\\\\x00-\\x1f]*)":\\{"dtype":"(\\w+)","shape":\\[(|${INTEGER}(?:,${INTEGER})*)\\],"data_offsets":\\[(${INTEGER}),(${INTEGER})\\]\\}`,
  "y",
);

export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** First byte and end in the data that follows the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of the header. */
  readonly tensors: Map<string, TensorEntry>;
  readonly metadata: Map<string, string>;
}

/**
 * Reads and checks a header: every tensor of a known type, its bytes exactly those of its shape, all tensors together
 * filling `dataBytes` without hole or overlap. Offsets in errors count from the start of the file.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, path: string): Header {
  const text = new HeaderText(bytes, path, PREFIX_BYTES);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Map<string, string> | undefined;
  const add = (name: string, position: number, fields: Fields) => {
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: name, offset: text.offsetOf(position) });
    tensors.set(name, checkFields(fields, invalid));
  };
  text.object(
    (name, position) => {
      if (name === "__metadata__") metadata = readMetadata(text);
      else add(name, position, readFields(text, name));
    },
    PLAIN_TENSOR,
    (member, position) => {
      const sizes = member[3]!;
      const shape = sizes === "" ? [] : sizes.split(",").map(Number);
      add(member[1]!, position, {
        dtype: member[2]!,
        shape,
        offsets: [Number(member[4]), Number(member[5])],
      });
    },
  );
  text.end();
  checkLayout(tensors, dataBytes, path, PREFIX_BYTES + bytes.byteLength);
  return { tensors, metadata: metadata ?? new Map() };
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
  invalid: (message: string) => ModelFormatError,
): TensorEntry {
  if (dtype === undefined || shape === undefined || offsets === undefined)
    throw invalid("a tensor needs dtype, shape and data_offsets");
  const known = DTYPES.get(dtype);
  if (known === undefined) throw invalid(`unknown dtype ${JSON.stringify(dtype)}`);
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin! > end!)
    throw invalid(`data_offsets must be a begin and an end not before it, not [${offsets.join(", ")}]`);
  const expected = checkedByteCount(known, shape);
  if (expected === undefined) throw invalid(`shape [${shape.join(", ")}] is too large`);
  if (!Number.isInteger(expected))
    throw invalid(`${dtype} of shape [${shape.join(", ")}] does not end on a whole byte`);
  if (expected !== end! - begin!)
    throw invalid(
      `${dtype} of shape [${shape.join(", ")}] takes ${expected} bytes, but data_offsets give ${end! - begin!}`,
    );
  return { dtype: known, shape, begin: begin!, end: end! };
}

/** Undefined where the count of bits leaves the safe integers, in whatever order the sizes come; may be a fraction. */
function checkedByteCount(dtype: DType, shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  const bits = elementCount(shape) * bitsPerElement(dtype);
  return Number.isSafeInteger(bits) ? bits / 8 : undefined;
}

function checkLayout(
  tensors: Map<string, TensorEntry>,
  dataBytes: number,
  path: string,
  dataStart: number,
): void {
  // Nearly every file has its tensors in order already.
  let ordered: Iterable<[string, TensorEntry]> = tensors;
  let last = 0;
  for (const { begin, end } of tensors.values()) {
    if (begin < last) {
      ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
      break;
    }
    last = end;
  }
  let covered = 0;
  for (const [name, { begin, end }] of ordered) {
    const details = { path, field: name, offset: dataStart + begin };
    if (end > dataBytes)
      throw new ModelFormatError(
        "DATA_TRUNCATED",
        `the tensor ends at byte ${end} of the data, but the file holds ${dataBytes}`,
        details,
      );
    if (begin < covered)
      throw new ModelFormatError("TENSOR_OVERLAP", "the tensor shares bytes with another", details);
    if (begin > covered)
      throw new ModelFormatError(
        "TENSOR_INVALID",
        `${begin - covered} bytes before the tensor belong to none`,
        details,
      );
    covered = end;
  }
  if (covered < dataBytes)
    throw new ModelFormatError("TENSOR_INVALID", `${dataBytes - covered} bytes after the last tensor`, {
      path,
      offset: dataStart + covered,
    });
}

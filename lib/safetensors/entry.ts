import { ModelFormatError } from "../errors.js";
import { bitsPerElement, type DType, elementCount } from "../tensor.js";
import type { HeaderText } from "./header-text.js";

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

/** Of the file that a header is from. */
export interface HeaderPlace {
  readonly path: string;
  readonly file: number;
  /** Where the data begins. */
  readonly dataStart: number;
  readonly size: number;
}

/** Reads and checks what a header says of a tensor whose name was just read at `position` of the text. */
export function readEntry(
  text: HeaderText,
  name: string,
  position: number,
  place: HeaderPlace,
): SafetensorsEntry {
  const invalid = (message: string) =>
    new ModelFormatError("TENSOR_INVALID", message, {
      path: place.path,
      field: name,
      offset: text.offsetOf(position),
    });
  return checkFields(readFields(text, name), place, invalid);
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

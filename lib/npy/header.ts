import { checkData } from "../check-data.js";
import { ModelFormatError, outOfRange } from "../errors.js";
import { byteCount, type DeferredTensor, type DType, type Tensor } from "../tensor.js";
import { descriptorOf, type ElementType, elementType } from "./element-type.js";
import { HeaderLiteral } from "./header-literal.js";

const MAGIC = Uint8Array.of(0x93, ...Buffer.from("NUMPY"));
/** Before the header: the magic, two bytes of version, and a length of 2 bytes in version 1 and of 4 after it. */
const PREFIX_BYTES = { 1: 10, 2: 12, 3: 12 } as const;
/** Version 1's own limit; a header of an array without named fields has some hundred bytes. */
const MAX_HEADER_BYTES = 65_535;
/** numpy's own limit. */
const MAX_DIMENSIONS = 64;
const ALIGNMENT = 64;
/** numpy leaves room for the first size to grow to so many digits. */
const ROOM_DIGITS = 21;

export interface NpyHeader {
  /** What the elements are, or why no tensor has them. */
  readonly element: ElementType | { readonly unsupported: string };
  readonly shape: readonly number[];
  /** Stored with the first index running fastest. */
  readonly fortranOrder: boolean;
  /** Where the data begins. */
  readonly dataOffset: number;
}

export interface HeaderSource {
  readonly path: string;
  /** The entry of an archive. */
  readonly field?: string | undefined;
  /** Bytes of header and data together. */
  readonly size: number;
  /** The first bytes; fewer where there are no more. */
  head(length: number): Uint8Array;
}

/**
 * Reads the header of an array in numpy's format, versions 1.0, 2.0 and 3.0.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws ModelFormatError FORMAT_UNKNOWN, DATA_TRUNCATED, HEADER_INVALID, HEADER_TOO_LARGE or TENSOR_INVALID
 */
export function readHeader(source: HeaderSource): NpyHeader {
  const { path, field, size } = source;
  const prefix = source.head(PREFIX_BYTES[2]);
  if (!MAGIC.every((byte, i) => prefix[i] === byte))
    throw new ModelFormatError("FORMAT_UNKNOWN", "this is not a .npy array: it must begin with \\x93NUMPY", {
      path,
      field,
    });
  const [major = 0, minor = 0] = prefix.subarray(MAGIC.byteLength);
  if (prefix.byteLength < PREFIX_BYTES[2])
    throw new ModelFormatError("DATA_TRUNCATED", `${size} bytes are too few for an array's header`, {
      path,
      field,
    });
  if ((major !== 1 && major !== 2 && major !== 3) || minor !== 0)
    throw new ModelFormatError("FORMAT_UNKNOWN", `version ${major}.${minor} is none of 1.0, 2.0 and 3.0`, {
      path,
      field,
    });
  const view = new DataView(prefix.buffer, prefix.byteOffset);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = PREFIX_BYTES[major];
  if (length > MAX_HEADER_BYTES)
    throw new ModelFormatError(
      "HEADER_TOO_LARGE",
      `a header of ${length} bytes is over the limit of ${MAX_HEADER_BYTES}`,
      { path, field, offset: 8 },
    );
  const dataOffset = start + length;
  if (dataOffset > size)
    throw new ModelFormatError(
      "DATA_TRUNCATED",
      `the header takes ${length} bytes, but only ${size - start} follow`,
      {
        path,
        field,
        offset: 8,
      },
    );
  const literal = new HeaderLiteral(source.head(dataOffset).subarray(start), major === 3, {
    path,
    field,
    start,
  });
  const { descriptor, fortranOrder, shape } = literal.read();
  const element = elementType(descriptor);
  if (element === undefined) throw literal.invalid(`${JSON.stringify(descriptor)} is no type of numpy`);
  if (shape.length > MAX_DIMENSIONS)
    throw literal.invalid(`${shape.length} dimensions are more than ${MAX_DIMENSIONS}`);
  const header = { element, shape, fortranOrder, dataOffset };
  if (!("unsupported" in element)) checkSize(element.dtype, header, source);
  return header;
}

/** The data must be what the shape says, to the byte. */
function checkSize(
  dtype: DType,
  { shape, dataOffset }: NpyHeader,
  { path, field, size }: HeaderSource,
): void {
  const place = { path, field, offset: dataOffset };
  const bytes = shape.includes(0) ? 0 : byteCount(dtype, shape);
  const sizes = `${dtype} of shape [${shape.join(", ")}]`;
  if (!Number.isSafeInteger(bytes) || !Number.isSafeInteger(bytes * 8))
    throw new ModelFormatError("TENSOR_INVALID", `the array is too large: ${sizes}`, place);
  const found = size - dataOffset;
  if (found < bytes)
    throw new ModelFormatError("DATA_TRUNCATED", `${sizes} takes ${bytes} bytes, but ${found} follow`, place);
  if (found > bytes)
    throw new ModelFormatError(
      "TENSOR_INVALID",
      `${found - bytes} bytes follow the array; save several arrays in one file as .npz`,
      { ...place, offset: dataOffset + bytes },
    );
}

/**
 * The header that numpy writes for a tensor, byte for byte, in version 1.0.
 *
 * @param what the tensor in errors
 * @throws TypeError or RangeError for a type that numpy does not have, or whose shape and data disagree
 */
export function encodeHeader(tensor: Tensor | DeferredTensor, what: string): Buffer {
  const { dtype, shape } = tensor;
  const descriptor = descriptorOf(dtype);
  if (descriptor === undefined) throw outOfRange("a type that numpy has", `dtype of ${what}`, dtype);
  if (shape.length > MAX_DIMENSIONS)
    throw outOfRange(`at most ${MAX_DIMENSIONS} sizes`, `shape of ${what}`, shape.length);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw outOfRange("sizes that are integers from 0", `shape of ${what}`, `[${shape.join(", ")}]`);
  const expected = byteCount(dtype, shape);
  if (!("fill" in tensor)) checkData(dtype, tensor.data, expected, what);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const room = shape.length === 0 ? 0 : ROOM_DIGITS - String(shape[0]).length;
  const text = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${sizes}), }${" ".repeat(room)}`;
  const unpadded = PREFIX_BYTES[1] + text.length + 1;
  const bytes = Buffer.alloc(Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT, " ");
  bytes.set(MAGIC);
  bytes.writeUInt16LE(1, MAGIC.byteLength);
  bytes.writeUInt16LE(bytes.byteLength - PREFIX_BYTES[1], MAGIC.byteLength + 2);
  bytes.write(text, PREFIX_BYTES[1], "latin1");
  bytes.write("\n", bytes.byteLength - 1);
  return bytes;
}

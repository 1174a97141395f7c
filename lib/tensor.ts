/** Element types, spelled as onnxruntime spells them. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int4"
  | "uint4"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A view on somebody's bytes. float16 and bfloat16 are their bits in a Uint16Array, bool and 4-bit types are bytes in a Uint8Array. */
export interface Tensor {
  readonly dtype: DType;
  /** Sizes, outermost first; [] is a scalar. */
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

const STORAGE = {
  float32: { array: Float32Array, bits: 32 },
  float64: { array: Float64Array, bits: 64 },
  float16: { array: Uint16Array, bits: 16 },
  bfloat16: { array: Uint16Array, bits: 16 },
  int4: { array: Uint8Array, bits: 4 },
  uint4: { array: Uint8Array, bits: 4 },
  int8: { array: Int8Array, bits: 8 },
  uint8: { array: Uint8Array, bits: 8 },
  int16: { array: Int16Array, bits: 16 },
  uint16: { array: Uint16Array, bits: 16 },
  int32: { array: Int32Array, bits: 32 },
  uint32: { array: Uint32Array, bits: 32 },
  int64: { array: BigInt64Array, bits: 64 },
  uint64: { array: BigUint64Array, bits: 64 },
  bool: { array: Uint8Array, bits: 8 },
} as const;

/** Bits of one element; 4 for the packed types. */
export function bitsPerElement(dtype: DType): number {
  return STORAGE[dtype].bits;
}

/** Product of the sizes; 1 for a scalar. Not checked for overflow: shapes from files pass through their own checks first. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes that a tensor of this type and shape occupies; 4-bit types round up to a whole byte. */
export function byteCount(dtype: DType, shape: readonly number[]): number {
  return Math.ceil((elementCount(shape) * bitsPerElement(dtype)) / 8);
}

/** Views bytes as the typed array of `dtype`, copying only where their position breaks the element's alignment. */
export function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const { array } = STORAGE[dtype];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % size !== 0) {
    const copy = new Uint8Array(bytes); // not slice(): a Buffer's slice is a view
    return new array(copy.buffer, copy.byteOffset, copy.byteLength / size);
  }
  return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / size);
}

/** The bytes under a typed array, without a copy. */
export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

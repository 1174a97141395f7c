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
  | "bool"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float6e2m3"
  | "float6e3m2"
  | "float4e2m1"
  | "complex64";

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

/** A piece of memory; an array of bytes is one. Regions may pass the 4 GiB at which Node's arrays of bytes end. */
export interface ByteRegion {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * A view on somebody's bytes. float16 and bfloat16 are their bits in a Uint16Array, bool and the types of 4, 6 and 8 bits
 * that JavaScript lacks are bytes in a Uint8Array, complex64 is pairs in a Float32Array.
 */
export interface Tensor {
  readonly dtype: DType;
  /** Sizes, outermost first; [] is a scalar. */
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Sets every element of `data`, an array of a tensor's type and length. */
export type Fill = (data: TypedArray) => void;

/** A tensor whose values are made when they are needed, each time into memory of the caller's: of many, one is there at a time. */
export interface DeferredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly fill: Fill;
}

/** Half of the 2 GiB at which many calls of Node end. */
const CHUNK_BYTES = 2 ** 30;

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
  float8e4m3fn: { array: Uint8Array, bits: 8 },
  float8e4m3fnuz: { array: Uint8Array, bits: 8 },
  float8e5m2: { array: Uint8Array, bits: 8 },
  float8e5m2fnuz: { array: Uint8Array, bits: 8 },
  float8e8m0: { array: Uint8Array, bits: 8 },
  float6e2m3: { array: Uint8Array, bits: 6 },
  float6e3m2: { array: Uint8Array, bits: 6 },
  float4e2m1: { array: Uint8Array, bits: 4 },
  complex64: { array: Float32Array, bits: 64 },
} as const;

/** Bits of one element; 4 or 6 for the packed types. */
export function bitsPerElement(dtype: DType): number {
  return STORAGE[dtype].bits;
}

/** Product of the sizes; 1 for a scalar. Not checked for overflow: shapes from files pass through their own checks first. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes that a tensor of this type and shape occupies; 4- and 6-bit types round up to a whole byte. */
export function byteCount(dtype: DType, shape: readonly number[]): number {
  return Math.ceil((elementCount(shape) * bitsPerElement(dtype)) / 8);
}

/** True where bytes can be viewed as the typed array of `dtype` without a copy. */
export function isAligned(dtype: DType, { byteOffset }: ByteRegion): boolean {
  return byteOffset % STORAGE[dtype].array.BYTES_PER_ELEMENT === 0;
}

/** True where an array's elements are as large as those that show a `dtype`, or bytes. */
export function isStorageOf(dtype: DType, { BYTES_PER_ELEMENT }: TypedArray): boolean {
  return BYTES_PER_ELEMENT === 1 || BYTES_PER_ELEMENT === STORAGE[dtype].array.BYTES_PER_ELEMENT;
}

/** Views bytes as the typed array of `dtype`, copying only where their position breaks the element's alignment. */
export function viewAs(dtype: DType, bytes: ByteRegion): TypedArray {
  const { array } = STORAGE[dtype];
  const size = array.BYTES_PER_ELEMENT;
  const { buffer, byteOffset, byteLength } = bytes;
  if (!isAligned(dtype, bytes)) return new array(copyOf(bytes).buffer, 0, byteLength / size);
  return new array(buffer as ArrayBuffer, byteOffset, byteLength / size);
}

/** The bytes of a region in memory of their own; in steps, since one array of bytes cannot cover 4 GiB. */
export function copyOf(region: ByteRegion): ByteRegion & { readonly buffer: ArrayBuffer } {
  const buffer = new ArrayBuffer(region.byteLength);
  let at = 0;
  for (const chunk of chunksOf(region)) {
    new Uint8Array(buffer, at, chunk.byteLength).set(chunk);
    at += chunk.byteLength;
  }
  return { buffer, byteOffset: 0, byteLength: region.byteLength };
}

/** The bytes of a region, in pieces of at most 1 GiB and at least one. */
export function* chunksOf({ buffer, byteOffset, byteLength }: ByteRegion): Generator<Uint8Array> {
  for (let at = 0; at === 0 || at < byteLength; at += CHUNK_BYTES)
    yield new Uint8Array(buffer, byteOffset + at, Math.min(CHUNK_BYTES, byteLength - at));
}

/** The bytes under a typed array, without a copy; at most 4 GiB, see chunksOf. */
export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

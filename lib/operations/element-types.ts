/** Arrays that hold quantized values; of 4 bits, two to a byte of a Uint8Array. */
export type QuantizedArray = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** Arrays that hold floats: float32, or the bits of 16-bit floats. */
export type FloatArray = Float32Array | Uint16Array;

/** Arrays of elements of 1, 2 or 4 bytes. */
export type NarrowArray =
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** How methods are told what elements an array has: an array alone does not say. The numbers are ONNX's. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  float16: 10,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

/** A value of ELEMENT_TYPES. */
export type ElementType = (typeof ELEMENT_TYPES)[keyof typeof ELEMENT_TYPES];

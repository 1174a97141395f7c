import { requireFloat32 } from "../buffers.js";
import { outOfRange, wrongType } from "../errors.js";
import { type Float16Bits, floatBits, isFloat16Array } from "../float-bits.js";
import { ELEMENT_TYPES, type ElementType, type FloatArray } from "../operations/element-types.js";

/** Types of the values that linear quantization starts from and comes back to. */
export type FloatDType = "float32" | "float16" | "bfloat16";

/** An array of floats: of 16-bit floats, their bits, or of float16 a Float16Array where the runtime has that. */
export type Floats = Float32Array | Float16Bits;

/**
 * The elements of an array of floats, and their type, which a Uint16Array does not say: then `dtype`, given by the option of that
 * name, does.
 */
export function floatElements(
  array: unknown,
  dtype: FloatDType | undefined,
  name: string,
  option: string,
): { elements: FloatArray; type: ElementType } {
  if (dtype === undefined) {
    if (array instanceof Uint16Array)
      throw wrongType(
        '"float16" or "bfloat16", as a Uint16Array may hold the bits of either,',
        option,
        dtype,
      );
    dtype = isFloat16Array(array) ? "float16" : "float32";
  }
  const type = floatType(dtype, option);
  if (dtype !== "float32") return { elements: floatBits(array, dtype, name), type };
  requireFloat32(array, name);
  return { elements: array, type };
}

/** @throws RangeError unless `dtype` is a type of floats. */
export function floatType(dtype: FloatDType, option: string): ElementType {
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "bfloat16")
    throw outOfRange("one of float32, float16, bfloat16", option, dtype);
  return ELEMENT_TYPES[dtype];
}

import { outOfRange } from "../errors.js";

/** Types that computeQuantParams makes parameters for. */
export type QuantizedDType = "int8" | "uint8" | "int16" | "uint16" | "int4" | "uint4";

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

interface QuantizedType {
  /** What the operators saturate to. */
  readonly full: IntegerRange;
  /** Centred on the zero point, so that +x and -x have the same magnitude; only signed types have one. */
  readonly symmetric?: IntegerRange;
  /** One bit less, so that sums of products of 8-bit values cannot saturate in 16 bits on older processors. */
  readonly reduced: IntegerRange;
}

export const QUANTIZED_TYPES: Readonly<Record<QuantizedDType, QuantizedType>> = {
  int8: {
    full: { min: -128, max: 127 },
    symmetric: { min: -127, max: 127 },
    reduced: { min: -64, max: 64 },
  },
  uint8: { full: { min: 0, max: 255 }, reduced: { min: 0, max: 127 } },
  int16: {
    full: { min: -32768, max: 32767 },
    symmetric: { min: -32767, max: 32767 },
    reduced: { min: -16384, max: 16384 },
  },
  uint16: { full: { min: 0, max: 65535 }, reduced: { min: 0, max: 32767 } },
  int4: { full: { min: -8, max: 7 }, reduced: { min: -4, max: 3 } },
  uint4: { full: { min: 0, max: 15 }, reduced: { min: 0, max: 7 } },
};

/** Whether two values share a byte. */
export function isPacked(dtype: string): dtype is "int4" | "uint4" {
  return dtype === "int4" || dtype === "uint4";
}

/** @throws RangeError unless `dtype` is a key of `types`. */
export function requireDType<D extends string>(
  dtype: string,
  types: Readonly<Record<D, unknown>>,
): asserts dtype is D {
  if (!Object.hasOwn(types, dtype))
    throw outOfRange(`one of ${Object.keys(types).join(", ")}`, "dtype", dtype);
}

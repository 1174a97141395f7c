import {
  ELEMENT_TYPES,
  type ElementType,
  type FloatArray,
  type QuantizedArray,
} from "../../operations/element-types.js";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./cast.js";

const { float16, int4, int8, int16, uint4, uint16 } = ELEMENT_TYPES;

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** The values that a quantized type has. */
export function rangeOf(type: ElementType): ValueRange {
  const bits = type === int4 || type === uint4 ? 4 : type === int16 || type === uint16 ? 16 : 8;
  const min = type === int4 || type === int8 || type === int16 ? -(2 ** (bits - 1)) : 0;
  return { min, max: min + 2 ** bits - 1 };
}

/** The values of x as float32: x itself where it has them, else a copy. */
export function widened(x: FloatArray, type: ElementType): Float32Array {
  if (x instanceof Float32Array) return x;
  const floats = new Float32Array(x.length);
  if (type === float16) float16ToFloat32(x, floats);
  else bfloat16ToFloat32(x, floats);
  return floats;
}

/** Calls run with float32 values to fill, and rounds them into y where that has 16 bits. */
export function narrowInto(y: FloatArray, type: ElementType, run: (floats: Float32Array) => void): void {
  if (y instanceof Float32Array) {
    run(y);
    return;
  }
  const floats = new Float32Array(y.length);
  run(floats);
  if (type === float16) float32ToFloat16(floats, y);
  else float32ToBfloat16(floats, y);
}

/** The `count` values of q, an element each: q itself where it has them, else a copy. */
export function unpacked<A extends QuantizedArray | Int32Array>(
  q: A,
  type: ElementType,
  count: number,
): A | Int8Array | Uint8Array {
  if (type !== int4 && type !== uint4) return q;
  const values = type === int4 ? new Int8Array(count) : new Uint8Array(count);
  const sign = type === int4 ? 8 : 0;
  for (let i = 0; i < count; i++) values[i] = (((q[i >> 1]! >> ((i & 1) * 4)) & 15) ^ sign) - sign;
  return values;
}

/** Calls run with an array of an element for each of `count` values to fill, and packs them into y where that has 4 bits. */
export function packInto(
  y: QuantizedArray,
  type: ElementType,
  count: number,
  run: (values: QuantizedArray) => void,
): void {
  if (type !== int4 && type !== uint4) {
    run(y);
    return;
  }
  const values = new Int8Array(count + (count & 1)); // 4 bits of either sign fit
  run(values);
  for (let i = 0; i < y.length; i++) y[i] = (values[2 * i]! & 15) | ((values[2 * i + 1]! & 15) << 4);
}

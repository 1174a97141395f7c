import { requireAttached } from "../buffers.js";
import { wrongType } from "../errors.js";
import type { NarrowArray } from "../operations/element-types.js";

const TYPES = [Float32Array, Int32Array, Uint32Array, Int16Array, Uint16Array, Int8Array, Uint8Array];

type Constructor<X> = new (length: number) => X;

/** @throws TypeError unless `x` is a typed array of elements of 1, 2 or 4 bytes whose memory is still there */
export function requireNarrow(x: unknown, name: string): asserts x is NarrowArray {
  if (!TYPES.some((type) => x instanceof type))
    throw wrongType("a typed array with elements of 1, 2 or 4 bytes", name, x);
  requireAttached(x as NarrowArray, name);
}

/** What makes arrays as x is. */
export function typeOf<X extends NarrowArray>(x: X): Constructor<X> {
  return TYPES.find((type) => x instanceof type) as unknown as Constructor<X>;
}

/** @throws TypeError unless `array` is of the type of `x` */
export function requireTypeOf<X extends NarrowArray>(array: unknown, x: X, name: string): asserts array is X {
  const type = typeOf(x);
  if (!(array instanceof type)) throw wrongType(`a ${(type as { name?: string }).name}`, name, array);
  requireAttached(array, name);
}

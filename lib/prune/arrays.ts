import { requireFloat32 } from "../buffers.js";

/** One array or several that count as one. */
export type FloatArrays = Float32Array | readonly Float32Array[];

/** The arrays of `x` in a list of its own, which nobody else can change. */
export function requireArrays(x: unknown, name: string): Float32Array[] {
  if (!Array.isArray(x)) {
    requireFloat32(x, name);
    return [x];
  }
  return x.map((array: unknown, i) => {
    requireFloat32(array, `${name}[${i}]`);
    return array;
  });
}

export function lengthOf(arrays: readonly Float32Array[]): number {
  return arrays.reduce((sum, { length }) => sum + length, 0);
}

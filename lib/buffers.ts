import { outOfRange, wrongType } from "./errors.js";
import type { TypedArray } from "./tensor.js";

/** @throws TypeError unless `x` is a Float32Array whose memory is still there. */
export function requireFloat32(x: unknown, name: string): asserts x is Float32Array {
  if (!(x instanceof Float32Array)) throw wrongType("a Float32Array", name, x);
  requireAttached(x, name);
}

/** A transferred array has length 0, as an empty one; only its buffer knows the difference. */
export function requireAttached(x: TypedArray, name: string): void {
  if (x.length !== 0) return;
  try {
    new Uint8Array(x.buffer);
  } catch {
    throw wrongType("an array whose buffer is not transferred or detached", name, x);
  }
}

/** @throws RangeError unless `out` has `length` elements and shares no byte with `x`. */
export function requireOutput(out: TypedArray, length: number, x: TypedArray, name = "out"): void {
  requireAttached(out, name);
  if (out.length !== length) throw outOfRange(`length ${length}`, name, `length ${out.length}`);
  const apart =
    out.buffer !== x.buffer ||
    out.byteOffset >= x.byteOffset + x.byteLength ||
    x.byteOffset >= out.byteOffset + out.byteLength;
  if (!apart) throw outOfRange("memory apart from the input", name, "an array that overlaps it");
}

/** @throws unless `out` is a Float32Array as long as `x`, which is `x` itself or shares no byte with it. */
export function requireFloat32Output(out: unknown, x: Float32Array): asserts out is Float32Array {
  requireFloat32(out, "out");
  if (!isSameArray(out, x)) requireOutput(out, x.length, x);
}

/** True for two arrays of one type that are the same elements in memory. */
export function isSameArray(a: TypedArray, b: TypedArray): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;
}

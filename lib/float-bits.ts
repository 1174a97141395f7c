import { requireAttached } from "./buffers.js";
import { wrongType } from "./errors.js";

/** The runtime's own float16 array, which Node has since version 24; TypeScript's library for Node 20 does not know it. */
export interface Float16ArrayLike extends ArrayBufferView {
  readonly [Symbol.toStringTag]: "Float16Array";
  readonly length: number;
}

/** 16-bit floats: their bits, or float16 values in a Float16Array where the runtime has that. */
export type Float16Bits = Uint16Array | Float16ArrayLike;

const Float16 = (globalThis as { Float16Array?: new (length: number) => Float16ArrayLike }).Float16Array;

export function isFloat16Array(value: unknown): value is Float16ArrayLike {
  return Float16 !== undefined && value instanceof Float16;
}

/**
 * The bits of 16-bit floats; of a Float16Array, a view.
 *
 * @throws TypeError if `value` is neither a Uint16Array nor, for float16, a Float16Array, or is detached.
 */
export function floatBits(value: unknown, type: "float16" | "bfloat16", name: string): Uint16Array {
  if (value instanceof Uint16Array) {
    requireAttached(value, name);
    return value;
  }
  if (type === "bfloat16" || !isFloat16Array(value))
    throw wrongType(
      `a Uint16Array of ${type} bits${type === "float16" ? " or a Float16Array" : ""}`,
      name,
      value,
    );
  // A view of a detached buffer cannot be made; it throws a TypeError that says so.
  return new Uint16Array(value.buffer, value.byteOffset, value.length);
}

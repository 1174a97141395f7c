import type { Operations } from "../../backend.js";

// Everything works on bits: a NaN that passes through a number may lose its payload.
const INFINITE = 0x7f800000;
const QUIET = 0x00400000;
const HALF_SMALLEST_NORMAL = 0x38800000; // 2^-14
const HALF_OVERFLOW = 0x477ff000; // 65520, the tie between 65504 and what would be 65536
const HALF_BIAS = (127 - 15) << 23;
// 1.5 * 2^52: a float64 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 1.5 * 2 ** 52;

function bitsOf(x: Float32Array): Int32Array {
  return new Int32Array(x.buffer, x.byteOffset, x.length);
}

export const float32ToFloat16: Operations<void>["float32ToFloat16"] = (x, y) => {
  const bits = bitsOf(x);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    let half: number;
    if (magnitude > INFINITE) half = 0x7e00 | ((magnitude >> 13) & 0x3ff);
    else if (magnitude >= HALF_OVERFLOW) half = 0x7c00;
    else if (magnitude >= HALF_SMALLEST_NORMAL)
      half = (magnitude - HALF_BIAS + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    else half = Math.abs(x[i]!) * 2 ** 24 + ROUND - ROUND;
    y[i] = ((bits[i]! >>> 16) & 0x8000) | half;
  }
};

/** Bits of float32 for each of the 65,536 bit patterns of float16. */
let widened: Int32Array | undefined;

function widen(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude > 0x7c00) return sign | INFINITE | QUIET | (magnitude << 13);
  if (magnitude === 0x7c00) return sign | INFINITE;
  if (magnitude >= 0x400) return sign | ((magnitude << 13) + HALF_BIAS);
  return sign | bitsOf(Float32Array.of(magnitude * 2 ** -24))[0]!;
}

export const float16ToFloat32: Operations<void>["float16ToFloat32"] = (x, y) => {
  widened ??= Int32Array.from({ length: 65536 }, (_, half) => widen(half));
  const bits = bitsOf(y);
  for (let i = 0; i < x.length; i++) bits[i] = widened[x[i]!]!;
};

export const float32ToBfloat16: Operations<void>["float32ToBfloat16"] = (x, y) => {
  const bits = bitsOf(x);
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!;
    const nan = (value & 0x7fffffff) > INFINITE;
    y[i] = (nan ? value | QUIET : value + 0x7fff + ((value >> 16) & 1)) >>> 16;
  }
};

export const bfloat16ToFloat32: Operations<void>["bfloat16ToFloat32"] = (x, y) => {
  const bits = bitsOf(y);
  for (let i = 0; i < x.length; i++) {
    const value = x[i]! << 16;
    bits[i] = (value & 0x7fffffff) > INFINITE ? value | QUIET : value;
  }
};

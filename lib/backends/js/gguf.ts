import type { Operations } from "../../backend.js";

const VALUES = 32;
// The largest float32 below 0.5: added, it takes every tie away from zero, and nothing that is less than a tie.
const ALMOST_HALF = 0.5 - 2 ** -25;

const value = new Float32Array(1);
const bits = new Uint32Array(value.buffer);

/** To the nearest half, ties to even; every NaN becomes one. */
function toHalf(v: number): number {
  value[0] = v;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const x = bits[0]! & 0x7fffffff;
  if (x > 0x7f800000) return 0x7e00;
  if (x >= 0x477ff000) return sign | 0x7c00; // 65520, half way to the next power
  if (x < 0x38800000) {
    // A sum with 0.5 has the last bit of a subnormal half, so the addition does the rounding.
    value[0] = Math.fround(Math.abs(v) + 0.5);
    return sign | (bits[0]! - 0x3f000000);
  }
  return sign | ((x + 0xfff + ((x >>> 13) & 1) - 0x38000000) >>> 13);
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function storeHalf(y: Uint8Array, at: number, half: number): void {
  y[at] = half;
  y[at + 1] = half >> 8;
}

/** 1 / scale as float32, 0 for a scale of 0. */
function reciprocalOf(scale: number): number {
  return scale !== 0 ? Math.fround(1 / scale) : 0;
}

/** The step of a Q4_0 value: what comes out infinite or NaN is 0. */
function stepOf(x: number, reciprocal: number): number {
  const v = Math.fround(Math.fround(x * reciprocal) + 8.5);
  return Number.isFinite(v) ? Math.min(15, Math.trunc(v)) : 0;
}

export const quantizeGgufQ8_0: Operations<void>["quantizeGgufQ8_0"] = (x, y) => {
  for (let from = 0, to = 0; from < x.length; from += VALUES, to += 34) {
    let largest = 0;
    for (let i = from; i < from + VALUES; i++) largest = Math.max(largest, Math.abs(x[i]!)); // NaN if one is
    const scale = Math.fround(largest / 127);
    const reciprocal = reciprocalOf(scale);
    storeHalf(y, to, toHalf(scale));
    for (let i = 0; i < VALUES; i++) {
      const v = Math.fround(x[from + i]! * reciprocal);
      // The conversion of the array's type truncates, and makes NaN and infinities 0.
      y[to + 2 + i] = Math.fround(v < 0 ? v - ALMOST_HALF : v + ALMOST_HALF);
    }
  }
};

export const quantizeGgufQ4_0: Operations<void>["quantizeGgufQ4_0"] = (x, y) => {
  for (let from = 0, to = 0; from < x.length; from += VALUES, to += 18) {
    let largest = 0; // with its sign
    let sum = 0; // NaN if one is
    for (let i = from; i < from + VALUES; i++) {
      const v = x[i]!;
      if (Math.abs(v) > Math.abs(largest)) largest = v;
      sum += Math.abs(v);
    }
    const scale = Number.isNaN(sum) ? NaN : Math.fround(largest / -8);
    const reciprocal = reciprocalOf(scale);
    storeHalf(y, to, toHalf(scale));
    for (let i = 0; i < VALUES / 2; i++)
      y[to + 2 + i] = stepOf(x[from + i]!, reciprocal) | (stepOf(x[from + VALUES / 2 + i]!, reciprocal) << 4);
  }
};

export const dequantizeGgufQ8_0: Operations<void>["dequantizeGgufQ8_0"] = (x, y) => {
  for (let from = 0, to = 0; to < y.length; from += 34, to += VALUES) {
    const scale = fromHalf(x[from]! | (x[from + 1]! << 8));
    for (let i = 0; i < VALUES; i++) {
      const v = ((x[from + 2 + i]! << 24) >> 24) * scale;
      y[to + i] = Number.isNaN(v) ? NaN : v;
    }
  }
};

export const dequantizeGgufQ4_0: Operations<void>["dequantizeGgufQ4_0"] = (x, y) => {
  for (let from = 0, to = 0; to < y.length; from += 18, to += VALUES) {
    const scale = fromHalf(x[from]! | (x[from + 1]! << 8));
    for (let i = 0; i < VALUES / 2; i++) {
      const steps = x[from + 2 + i]!;
      const low = ((steps & 15) - 8) * scale;
      const high = ((steps >> 4) - 8) * scale;
      y[to + i] = Number.isNaN(low) ? NaN : low;
      y[to + VALUES / 2 + i] = Number.isNaN(high) ? NaN : high;
    }
  }
};

import type { DType } from "../../lib/index.js";
import { randomBitPatterns, randomIntegers } from "./random.js";

/** Types that linear quantization goes to, their arrays with an element each, and zero points over their range. */
export const QUANTIZED = {
  int8: { array: Int8Array, zeroPoints: [-128, -1, 0, 127] },
  uint8: { array: Uint8Array, zeroPoints: [0, 128, 255] },
  int16: { array: Int16Array, zeroPoints: [-32768, -1, 0, 32767] },
  uint16: { array: Uint16Array, zeroPoints: [0, 32768, 65535] },
  int4: { array: Int8Array, zeroPoints: [-8, -1, 0, 7] },
  uint4: { array: Uint8Array, zeroPoints: [0, 8, 15] },
} as const;

export const QUANTIZED_DTYPES = Object.keys(QUANTIZED) as (keyof typeof QUANTIZED)[];

/** An element each becomes two to a byte. */
export function packed(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) bytes[i >> 1]! |= (values[i]! & 15) << ((i & 1) * 4);
  return bytes;
}

/** Values as the library holds them. */
export function asStored<A extends ArrayLike<number>>(dtype: DType, values: A): A | Uint8Array {
  return dtype === "int4" || dtype === "uint4" ? packed(values) : values;
}

export interface Granularity {
  name: string;
  axis?: number;
  blockSize?: number;
  /** The shape of the scales. */
  parameters: readonly number[];
}

/** Every way to share scales over a shape: one, one per index of an axis, one per block along an axis. */
export function granularities(shape: readonly number[], blockSizes: readonly number[]): Granularity[] {
  const along = (axis: number, blockSize: number) =>
    shape.map((size, i) => (i === axis ? Math.ceil(size / blockSize) : size));
  return [
    { name: "per tensor", parameters: [] },
    ...shape.flatMap((size, axis) => [
      { name: `axis ${axis}`, axis, parameters: [size] },
      ...blockSizes.map((blockSize) => ({
        name: `blocks of ${blockSize} along axis ${axis}`,
        axis,
        blockSize,
        parameters: along(axis, blockSize),
      })),
    ]),
  ];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Half of it any bits, half of it around ties between steps of 0.1, near and far from 0. */
export function mixedFloats(length: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  const x = randomBitPatterns(length, seed + 1);
  const bits = new Int32Array(x.buffer);
  for (let i = 0; i < length; i += 2) {
    x[i] = ((next() % (i % 4 ? 600 : 200_000)) - (i % 4 ? 300 : 100_000) + 0.5) * Math.fround(0.1);
    bits[i]! += (next() % 5) - 2;
  }
  return x;
}

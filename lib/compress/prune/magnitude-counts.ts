/** A magnitude has 31 bits; its upper ones, exponent and 7 bits of fraction, are what is counted by. */
export const LOW_BITS = 16;
export const BINS = 1 << (31 - LOW_BITS);
const MAGNITUDE = 0x7fffffff;

/** Counts magnitudes by the upper half of their bits. */
export function countMagnitudes({ buffer, byteOffset, length }: Float32Array, counts: Float64Array): void {
  const bits = new Int32Array(buffer, byteOffset, length);
  for (let i = 0; i < length; i++) counts[(bits[i]! & MAGNITUDE) >>> LOW_BITS]!++;
}

/** Counts those of one bin by the lower half of their bits. */
export function countWithinBin(
  { buffer, byteOffset, length }: Float32Array,
  bin: number,
  counts: Float64Array,
): void {
  const bits = new Int32Array(buffer, byteOffset, length);
  for (let i = 0; i < length; i++)
    if ((bits[i]! & MAGNITUDE) >>> LOW_BITS === bin) counts[bits[i]! & ((1 << LOW_BITS) - 1)]!++;
}

/** The float32 whose bits are those of a bin and what follows. */
export function magnitudeAt(bin: number, low = 0): number {
  return new Float32Array(Int32Array.of((bin << LOW_BITS) | low).buffer)[0]!;
}

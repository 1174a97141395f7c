import type { Operations } from "../../backend.js";
import { runSum } from "./norms.js";

const HALVES = 2 ** 16;
const NO_SIGN = 0x7fffffff;
/** Up to here it is faster to sort than to count (measured). */
const SORTED = 4096;

function bitsOf(x: Float32Array): Int32Array {
  return new Int32Array(x.buffer, x.byteOffset, x.length);
}

function countUpper(x: Float32Array, counts: Float64Array): void {
  const bits = bitsOf(x);
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! & NO_SIGN) >>> 16]!++;
}

function countLower(x: Float32Array, upper: number, counts: Float64Array): void {
  const bits = bitsOf(x);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & NO_SIGN;
    if (magnitude >>> 16 === upper) counts[magnitude & 0xffff]!++;
  }
}

export const magnitudeHistogram: Operations<void>["magnitudeHistogram"] = (x, within, counts) => {
  counts.fill(0);
  if (within < 0) countUpper(x, counts);
  else countLower(x, within, counts);
};

interface Ranked {
  magnitude: number;
  /** How many magnitudes are less. */
  below: number;
}

/** The k-th smallest magnitude. */
function kthMagnitude(x: readonly Float32Array[], k: number): Ranked {
  const elements = x.reduce((sum, { length }) => sum + length, 0);
  return elements <= SORTED ? kthBySorting(x, elements, k) : kthByCounting(x, k);
}

function kthBySorting(x: readonly Float32Array[], elements: number, k: number): Ranked {
  const magnitudes = new Int32Array(elements);
  let next = 0;
  for (const array of x) {
    const bits = bitsOf(array);
    for (let i = 0; i < bits.length; i++) magnitudes[next++] = bits[i]! & NO_SIGN;
  }
  const magnitude = magnitudes.sort()[k - 1]!;
  return { magnitude, below: magnitudes.indexOf(magnitude) };
}

/** By the upper half of its bits, then by the lower one. */
function kthByCounting(x: readonly Float32Array[], k: number): Ranked {
  const counts = new Float64Array(HALVES);
  for (const array of x) countUpper(array, counts);
  const upper = rankIn(counts, k);
  counts.fill(0);
  for (const array of x) countLower(array, upper.bin, counts);
  const lower = rankIn(counts, k - upper.below);
  return { magnitude: upper.bin * HALVES + lower.bin, below: upper.below + lower.below };
}

/** The bin that the k-th of all counted is in. */
function rankIn(counts: Float64Array, k: number): { bin: number; below: number } {
  let bin = 0;
  let below = 0;
  while (below + counts[bin]! < k) below += counts[bin++]!;
  return { bin, below };
}

export const magnitudeThreshold: Operations<void>["magnitudeThreshold"] = (x, k, result) => {
  bitsOf(result)[0] = kthMagnitude(x, k).magnitude;
};

export const pruneMagnitude: Operations<void>["pruneMagnitude"] = (x, y, k) => {
  const { magnitude, below } = k > 0 ? kthMagnitude(x, k) : { magnitude: -1, below: 0 };
  let equals = k - below;
  for (let array = 0; array < x.length; array++) {
    const from = bitsOf(x[array]!);
    const to = bitsOf(y[array]!);
    for (let i = 0; i < from.length; i++) {
      const own = from[i]! & NO_SIGN;
      const goes = own < magnitude || (own === magnitude && equals-- > 0);
      to[i] = goes ? 0 : from[i]!;
    }
  }
};

export const pruneToThreshold: Operations<void>["pruneToThreshold"] = (x, y, threshold) => {
  const limit = bitsOf(Float32Array.of(threshold))[0]! & NO_SIGN;
  for (let array = 0; array < x.length; array++) {
    const from = bitsOf(x[array]!);
    const to = bitsOf(y[array]!);
    for (let i = 0; i < from.length; i++) to[i] = (from[i]! & NO_SIGN) <= limit ? 0 : from[i]!;
  }
};

export const pruneNM: Operations<void>["pruneNM"] = (x, y, keep, of, inner) => {
  const from = bitsOf(x);
  const to = bitsOf(y);
  const group = new Int32Array(of);
  for (let first = 0; first < from.length; first += of * inner)
    for (let lane = first; lane < first + inner; lane++) {
      for (let i = 0; i < of; i++) group[i] = from[lane + i * inner]!;
      for (let i = 0; i < of; i++) {
        const own = group[i]! & NO_SIGN;
        let larger = 0; // or equal and further on
        for (let j = 0; j < of; j++) {
          const other = group[j]! & NO_SIGN;
          if (other > own || (other === own && j > i)) larger++;
        }
        to[lane + i * inner] = larger < keep ? group[i]! : 0;
      }
    }
};

export const pruneBlocks: Operations<void>["pruneBlocks"] = (
  x,
  y,
  columns,
  blockRows,
  blockColumns,
  k,
  order,
) => {
  const rows = x.length / columns;
  const across = Math.ceil(columns / blockColumns);
  const means = new Float64Array(Math.ceil(rows / blockRows) * across);
  const forEachBlockRow = (visit: (block: number, at: number, n: number) => void) => {
    for (let row = 0; row < rows; row++)
      for (let j = 0; j < across; j++) {
        const from = j * blockColumns;
        const n = Math.min(blockColumns, columns - from);
        visit(Math.floor(row / blockRows) * across + j, row * columns + from, n);
      }
  };
  forEachBlockRow((block, at, n) => {
    means[block]! += runSum(x, at, n, order);
  });
  for (let block = 0; block < means.length; block++) {
    const height = Math.min(blockRows, rows - Math.floor(block / across) * blockRows);
    const width = Math.min(blockColumns, columns - (block % across) * blockColumns);
    means[block]! /= height * width;
  }
  const removed = smallest(means, k);
  if (y !== x) bitsOf(y).set(bitsOf(x));
  forEachBlockRow((block, at, n) => {
    if (removed[block]) y.fill(0, at, at + n);
  });
};

/** For each value whether it is one of the k smallest, NaN last; of equals the first are. */
function smallest(values: Float64Array, k: number): Uint8Array {
  const are = new Uint8Array(values.length);
  if (k === 0) return are;
  const limit = values.slice().sort()[k - 1]!;
  const isBelow = (value: number) => value < limit || (Number.isNaN(limit) && !Number.isNaN(value));
  let equals = k;
  for (const value of values) if (isBelow(value)) equals--;
  for (let i = 0; i < values.length; i++) {
    if (isBelow(values[i]!)) are[i] = 1;
    else if (Object.is(values[i], limit) && equals-- > 0) are[i] = 1;
  }
  return are;
}

import {
  type ByteRegion,
  bitsPerElement,
  chunksOf,
  copyOf,
  elementCount,
  type Tensor,
  viewAs,
} from "../tensor.js";
import type { ElementType } from "./element-type.js";

/**
 * The tensor in an array's bytes, little-endian and with the last index running fastest: a view where they are stored
 * like that, a copy where not.
 */
export function decodeArray(
  bytes: ByteRegion,
  element: ElementType,
  shape: readonly number[],
  fortranOrder: boolean,
): Tensor {
  const { dtype, unit, bigEndian } = element;
  let region = bytes;
  if (bigEndian && unit !== 1) region = swapped(region, unit);
  // Elements that lie along one axis only have the same order either way.
  if (fortranOrder && shape.filter((size) => size !== 1).length > 1 && region.byteLength > 0)
    region = lastIndexFastest(region, bitsPerElement(dtype) / 8, shape);
  return { dtype, shape, data: viewAs(dtype, region) };
}

function swapped(region: ByteRegion, unit: 2 | 4 | 8): ByteRegion {
  const copy = copyOf(region);
  for (const { buffer, byteOffset, byteLength } of chunksOf(copy)) {
    const chunk = Buffer.from(buffer, byteOffset, byteLength);
    if (unit === 2) chunk.swap16();
    else if (unit === 4) chunk.swap32();
    else chunk.swap64();
  }
  return copy;
}

/** Elements of the first and the last axis that are moved together, so that both sides stay in the cache. */
const TILE = 32;

/** Reverses the order of the axes in memory. */
function lastIndexFastest(region: ByteRegion, elementBytes: number, shape: readonly number[]): ByteRegion {
  // Not BigUint64Array, which makes an object of each element, nor Float64Array, which need not keep the bits of a NaN.
  const Words = elementBytes === 1 ? Uint8Array : elementBytes === 2 ? Uint16Array : Uint32Array;
  const words = Math.max(1, elementBytes / 4);
  const aligned = region.byteOffset % Words.BYTES_PER_ELEMENT === 0 ? region : copyOf(region);
  const length = region.byteLength / Words.BYTES_PER_ELEMENT;
  const from = new Words(aligned.buffer as ArrayBuffer, aligned.byteOffset, length);
  const to = new Words(length);
  const rows = shape[0]!;
  const columns = shape.at(-1)!;
  const between = shape.slice(1, -1);
  const planes = elementCount(between);
  for (let plane = 0; plane < planes; plane++) {
    const source = rows * reversedIndex(plane, between);
    for (let top = 0; top < rows; top += TILE)
      for (let left = 0; left < columns; left += TILE)
        for (let row = top; row < Math.min(top + TILE, rows); row++)
          for (let column = left; column < Math.min(left + TILE, columns); column++) {
            const at = (source + row + column * rows * planes) * words;
            const out = ((row * planes + plane) * columns + column) * words;
            for (let word = 0; word < words; word++) to[out + word] = from[at + word]!;
          }
  }
  return to;
}

/** Where the element lies with the first index fastest that lies at `index` with the last one fastest. */
function reversedIndex(index: number, shape: readonly number[]): number {
  let rest = index;
  let reversed = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    reversed = reversed * size + (rest % size);
    rest = Math.floor(rest / size);
  }
  return reversed;
}

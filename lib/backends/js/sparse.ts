import type { NarrowArray, Operations } from "../../backend.js";

/** Floats would lose what makes one NaN another. */
function bitsOf({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: NarrowArray) {
  if (BYTES_PER_ELEMENT === 4) return new Uint32Array(buffer, byteOffset, length);
  if (BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, length);
  return new Uint8Array(buffer, byteOffset, length);
}

function nonzeros(x: ReturnType<typeof bitsOf>, mask: number): number {
  let found = 0;
  for (let i = 0; i < x.length; i++) if ((x[i]! & mask) !== 0) found++;
  return found;
}

export const countNonzero: Operations<void>["countNonzero"] = (x, mask, count) => {
  count[0] = nonzeros(bitsOf(x), mask);
};

export const packBitmask: Operations<void>["packBitmask"] = (x, bitmask, values, columns, count) => {
  const from = bitsOf(x);
  const to = bitsOf(values);
  const rowBytes = Math.ceil(columns / 8);
  bitmask.fill(0);
  let found = 0;
  for (let row = 0, at = 0; at < from.length; row++)
    for (let column = 0; column < columns; column++, at++) {
      if (from[at] === 0) continue;
      bitmask[row * rowBytes + (column >> 3)]! |= 1 << (column & 7);
      if (found < to.length) to[found] = from[at]!;
      found++;
    }
  count[0] = found;
};

export const unpackBitmask: Operations<void>["unpackBitmask"] = (bitmask, values, y, columns, count) => {
  const from = bitsOf(values);
  const to = bitsOf(y);
  const rowBytes = Math.ceil(columns / 8);
  const isSet = (row: number, column: number) =>
    (bitmask[row * rowBytes + (column >> 3)]! >> (column & 7)) & 1;
  const rows = to.length / columns;
  let set = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) set += isSet(row, column);
  count[0] = set;
  if (set !== from.length) return;
  let used = 0;
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) to[at] = isSet(row, column) ? from[used++]! : 0;
};

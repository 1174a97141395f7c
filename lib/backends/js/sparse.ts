import type { Operations } from "../../backend.js";
import type { NarrowArray } from "../../operations/element-types.js";

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

export const csrOffsets: Operations<void>["csrOffsets"] = (x, columns, offsets) => {
  offsets[0] = 0;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const own = x.subarray(row * columns, (row + 1) * columns);
    offsets[row + 1] = offsets[row]! + nonzeros(bitsOf(own), 0xffffffff);
  }
};

export const toCsr: Operations<void>["toCsr"] = (x, columns, values, indices, offsets) => {
  const from = bitsOf(x);
  const to = bitsOf(values);
  for (let row = 0; row + 1 < offsets.length; row++) {
    let at = offsets[row]!;
    for (let column = 0; column < columns; column++) {
      const bits = from[row * columns + column]!;
      if (bits === 0) continue;
      to[at] = bits;
      indices[at++] = column;
    }
  }
};

export const fromCsr: Operations<void>["fromCsr"] = (values, indices, offsets, y, columns, problem) => {
  problem[0] = -1;
  for (let row = 0; row + 1 < offsets.length; row++) {
    let last = -1;
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const column = indices[i]!;
      if (column <= last || column >= columns) {
        problem[0] = row;
        return;
      }
      last = column;
    }
  }
  const from = bitsOf(values);
  const to = bitsOf(y);
  to.fill(0);
  for (let row = 0; row + 1 < offsets.length; row++)
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) to[row * columns + indices[i]!] = from[i]!;
};

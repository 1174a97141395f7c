import type { TypedArray } from "../tensor.js";

/** Elements of a side of a block: what is read and what is written of it both stay in the cache. */
const BLOCK = 64;

/** Sets `out`, a matrix of `columns` x `rows`, to `data`, one of `rows` x `columns`, with both exchanged. */
export function transpose<A extends TypedArray>(data: A, out: A, rows: number, columns: number): void {
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, rows);
    for (let left = 0; left < columns; left += BLOCK) {
      const right = Math.min(left + BLOCK, columns);
      for (let column = left; column < right; column++)
        for (let row = top; row < bottom; row++) out[column * rows + row] = data[row * columns + column]!;
    }
  }
}

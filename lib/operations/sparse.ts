import type { NarrowArray } from "./element-types.js";
import type { Execution } from "./execution.js";

export interface SparseOperations<Result> {
  /** Sets count[0] to how many elements of x have a bit of mask set. */
  countNonzero(x: NarrowArray, mask: number, count: Float64Array, ...execution: Execution): Result;

  /** Sets offsets, one more than x has rows, to how many elements of which any bit is set come before each, and are there in all. */
  csrOffsets(x: Float32Array, columns: number, offsets: Int32Array, ...execution: Execution): Result;

  /** values gets these elements and indices their columns, between the offsets of their row. */
  toCsr(
    x: Float32Array,
    columns: number,
    values: Float32Array,
    indices: Int32Array,
    offsets: Int32Array,
    ...execution: Execution
  ): Result;

  /**
   * The way back. problem[0] becomes -1, or the first row whose columns do not rise from 0 to below `columns`: then y stays as it is.
   * Offsets rise from 0 to the length of values.
   */
  fromCsr(
    values: Float32Array,
    indices: Int32Array,
    offsets: Int32Array,
    y: Float32Array,
    columns: number,
    problem: Float64Array,
    ...execution: Execution
  ): Result;

  /**
   * Takes x, rows of `columns` elements, apart: values gets the elements of which any bit is set, one after the other, and bit i % 8 of
   * byte i / 8 of each row of bitmask, whole bytes for every row, says whether its element i is there. count[0] becomes how many they
   * are, and of them as many are stored as values has room for. What is after them in values is left open.
   */
  packBitmask<X extends NarrowArray>(
    x: X,
    bitmask: Uint8Array,
    values: X,
    columns: number,
    count: Float64Array,
    ...execution: Execution
  ): Result;

  /** The way back. count[0] becomes how many bits are set; where that is not the length of values, just that. */
  unpackBitmask<X extends NarrowArray>(
    bitmask: Uint8Array,
    values: X,
    y: X,
    columns: number,
    count: Float64Array,
    ...execution: Execution
  ): Result;
}

import { requireAttached, requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type Csr, matrixSizes } from "./to-csr.js";

export interface FromCsrOptions extends CallOptions {
  /** Sizes of the matrix: [rows, columns]. */
  shape: readonly [rows: number, columns: number];
  /** Where the result goes: rows * columns elements, apart in memory from what it comes from. Default: a new array. */
  out?: Float32Array | undefined;
}

/**
 * The matrix that compressed sparse rows stand for, with +0 everywhere else.
 *
 * @throws TypeError if values is not a Float32Array, indices or indptr no Int32Array, one is detached, or shape is of the wrong kind.
 * @throws RangeError if indptr does not rise from 0 to the number of values, the columns of a row do not rise or lie outside of the
 *   matrix, or shape, out or backend do not fit; nothing is written then.
 */
export function fromCsr(csr: Csr, options: FromCsrOptions): Float32Array {
  return runCall(prepare(csr, options), options);
}

/** fromCsr off the event loop; leave the arrays as they are until the promise settles. */
export function fromCsrAsync(csr: Csr, options: FromCsrOptions & AsyncCallOptions): Promise<Float32Array> {
  return runCallAsync(() => prepare(csr, options), options);
}

function prepare({ values, indices, indptr }: Csr, { shape, out }: FromCsrOptions): Call<Float32Array> {
  requireFloat32(values, "values");
  requireInt32(indices, "indices");
  requireInt32(indptr, "indptr");
  if (!Array.isArray(shape)) throw wrongType("an array of sizes", "shape", shape);
  const elements = shape.reduce((product, size) => product * size, 1);
  const [rows, columns] = matrixSizes(shape, elements);
  if (indices.length !== values.length)
    throw outOfRange(`${values.length} columns, one for each value,`, "indices", `${indices.length}`);
  requireOffsets(indptr, rows, values.length);
  const y = out ?? newArray(Float32Array, elements);
  requireFloat32(y, "out");
  for (const input of [values, indices, indptr]) requireOutput(y, elements, input);
  const problem = new Float64Array(1);
  return {
    elements,
    jsUpTo: 256,
    arrays: [values, indices, indptr, y],
    run: (operations, ...execution) =>
      operations.fromCsr(
        values,
        indices,
        elements === 0 ? indptr.subarray(0, 1) : indptr,
        y,
        Math.max(1, columns),
        problem,
        ...execution,
      ),
    result() {
      const row = problem[0]!;
      if (row >= 0)
        throw outOfRange(`columns that rise within 0..${columns - 1}`, `row ${row} of indices`, "others");
      return y;
    },
  };
}

function requireInt32(array: unknown, name: string): asserts array is Int32Array {
  if (!(array instanceof Int32Array)) throw wrongType("an Int32Array", name, array);
  requireAttached(array, name);
}

function requireOffsets(indptr: Int32Array, rows: number, stored: number): void {
  if (indptr.length !== rows + 1)
    throw outOfRange(`${rows + 1} offsets, one more than rows,`, "indptr", `${indptr.length}`);
  let last = 0;
  for (let row = 0; row <= rows; row++) {
    const offset = indptr[row]!;
    const expected = row === 0 ? 0 : row === rows ? stored : offset;
    if (offset < last || offset !== expected)
      throw outOfRange(`offsets that rise from 0 to ${stored}`, "indptr", `${offset} for row ${row}`);
    last = offset;
  }
}

import { requireShape } from "../axis.js";
import { requireFloat32 } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange } from "../errors.js";

/** A matrix in compressed sparse rows. */
export interface Csr {
  /** What is not zero, row after row. */
  values: Float32Array;
  /** The column of each value. */
  indices: Int32Array;
  /** Where the values of each row begin, and after the last row how many there are. */
  indptr: Int32Array;
}

export interface ToCsrOptions extends CallOptions {
  /** Sizes of x: [rows, columns]. */
  shape: readonly [rows: number, columns: number];
}

/** int32 counts to it. */
const MAX_ELEMENTS = 2 ** 31 - 1;

/**
 * A matrix without its zeros in compressed sparse rows, as scipy.sparse.csr_matrix and torch.sparse_csr_tensor hold it. Zero is +0 alone,
 * so that fromCsr brings everything back bit for bit; scipy leaves out -0 too.
 *
 * @example
 * const { values, indices, indptr } = toCsr(weights, { shape: [512, 2048] });
 *
 * @throws TypeError if x is not a Float32Array or is detached, or shape is of the wrong kind.
 * @throws RangeError if shape is not that of a matrix of x's length, x has more than 2^31 - 1 elements, or the backend is not available.
 */
export function toCsr(x: Float32Array, options: ToCsrOptions): Csr {
  const indptr = runCall(offsets(x, options), options);
  return runCall(gather(x, options, indptr), options);
}

/** toCsr off the event loop; leave x as it is until the promise settles. */
export async function toCsrAsync(x: Float32Array, options: ToCsrOptions & AsyncCallOptions): Promise<Csr> {
  const indptr = await runCallAsync(() => offsets(x, options), options);
  return runCallAsync(() => gather(x, options, indptr), options);
}

function offsets(x: Float32Array, { shape }: ToCsrOptions): Call<Int32Array> {
  requireFloat32(x, "x");
  const [rows, columns] = matrixSizes(shape, x.length);
  const indptr = new Int32Array(rows + 1);
  return {
    elements: x.length,
    arrays: [x, indptr],
    run: (operations, ...execution) =>
      operations.csrOffsets(
        x,
        Math.max(1, columns),
        x.length === 0 ? indptr.subarray(0, 1) : indptr,
        ...execution,
      ),
    result: () => indptr,
  };
}

function gather(x: Float32Array, { shape }: ToCsrOptions, indptr: Int32Array): Call<Csr> {
  const [, columns] = matrixSizes(shape, x.length);
  const stored = indptr.at(-1)!;
  const csr = { values: new Float32Array(stored), indices: new Int32Array(stored), indptr };
  return {
    elements: x.length,
    arrays: [x, csr.values, csr.indices, indptr],
    run: (operations, ...execution) =>
      operations.toCsr(
        x,
        Math.max(1, columns),
        csr.values,
        csr.indices,
        x.length === 0 ? indptr.subarray(0, 1) : indptr,
        ...execution,
      ),
    result: () => csr,
  };
}

/** @throws TypeError or RangeError unless `shape` is [rows, columns] with `length` elements in all, as many as int32 can count */
export function matrixSizes(shape: readonly number[], length: number): [rows: number, columns: number] {
  requireShape(shape, length);
  if (shape.length !== 2) throw outOfRange("[rows, columns]", "shape", `[${shape.join(", ")}]`);
  if (length > MAX_ELEMENTS) throw outOfRange(`at most ${MAX_ELEMENTS} elements`, "x", `${length}`);
  return shape as [number, number];
}

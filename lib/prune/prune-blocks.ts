import { requireShape } from "../axis.js";
import { requireFloat32, requireFloat32Output } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type NormName, orderOf } from "../norms/norm-name.js";
import { elementCount } from "../tensor.js";
import { requireSparsity } from "./sparsity.js";

export interface PruneBlocksOptions extends CallOptions {
  /** Sizes of x, outermost first: a matrix [rows, columns], or with more axes all after the first as columns. */
  shape: readonly number[];
  /** Rows and columns of a block; those at the lower and right edge are smaller where these do not divide the matrix. */
  block: readonly [rows: number, columns: number];
  /** The share of blocks that become 0, from 0 to 1: round(sparsity * number of blocks), exactly. */
  sparsity: number;
  /** What a block is judged by: "l1", the mean magnitude of its elements (default), or "l2", their mean square. */
  norm?: NormName | undefined;
  /** Where the result goes: as long as x, apart from it in memory or x itself. Default: a new array. */
  out?: Float32Array | undefined;
}

/**
 * x with zeros in place of the blocks that matter least, as runtimes and hardware for block-sparse weights want them (Gray et al., GPU
 * Kernels for Block-Sparse Weights, 2017). Blocks are compared by means, so that smaller ones at an edge are no worse off; of equals those
 * that come first in row-major order go, and NaN counts as larger than infinity. Sums are in float64 in an order that the shape alone
 * decides.
 *
 * @example
 * pruneBlocks(weights, { shape: [512, 2048], block: [4, 16], sparsity: 0.8, out: weights }); // in place
 *
 * @throws TypeError if x or out is not a Float32Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if sparsity is not in 0..1, a side of the block is below 1, norm is none of the two, or shape, out or backend do not
 *   fit.
 */
export function pruneBlocks(x: Float32Array, options: PruneBlocksOptions): Float32Array {
  return runCall(prepare(x, options), options);
}

/** pruneBlocks off the event loop; leave the arrays as they are until the promise settles. */
export function pruneBlocksAsync(
  x: Float32Array,
  options: PruneBlocksOptions & AsyncCallOptions,
): Promise<Float32Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(
  x: Float32Array,
  { shape, block, sparsity, norm = "l1", out }: PruneBlocksOptions,
): Call<Float32Array> {
  requireFloat32(x, "x");
  requireShape(shape, x.length);
  if (shape.length < 2) throw outOfRange("at least two sizes", "shape", `[${shape.join(", ")}]`);
  const order = orderOf(norm);
  const isEmpty = x.length === 0;
  const [rows, columns] = isEmpty ? [1, 1] : [shape[0]!, elementCount(shape.slice(1))];
  const [blockRows, blockColumns] = blockSizes(block);
  const height = Math.min(blockRows, rows);
  const width = Math.min(blockColumns, columns);
  const blocks = isEmpty ? 0 : Math.ceil(rows / height) * Math.ceil(columns / width);
  const k = requireSparsity(sparsity, blocks);
  if (out !== undefined) requireFloat32Output(out, x);
  const result = out ?? newArray(Float32Array, x.length);
  return {
    elements: x.length,
    jsUpTo: 0,
    arrays: [x, result],
    run: (operations, ...execution) =>
      operations.pruneBlocks(x, result, columns, height, width, k, order, ...execution),
    result: () => result,
  };
}

function blockSizes(block: unknown): [rows: number, columns: number] {
  if (!Array.isArray(block)) throw wrongType("a list of rows and columns", "block", block);
  if (block.length !== 2 || !block.every((size) => Number.isSafeInteger(size) && size >= 1))
    throw outOfRange("two whole sizes from 1", "block", `[${block.join(", ")}]`);
  return block as [number, number];
}

import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

/** The values that weights can be rounded to: (step - zero point) x scale, with a step from min to max. */
export interface RoundingGrid {
  /** One scale for every block of columns of an output: [outputs, blocks]. */
  readonly scales: Float32Array;
  /** As many zero points, each a step. */
  readonly zeroPoints: Int32Array;
  /** Columns that share a scale; the last block of an output may be shorter. Default: all of them. */
  readonly blockSize?: number | undefined;
  /** int8 steps lie in -128..127, those of other types in 0..255. */
  readonly min: number;
  readonly max: number;
}

export interface CompensateRoundingOptions extends CallOptions {
  /** M of `reversedCholesky`, columns x columns: how the errors of columns weigh on each other. */
  factor: Float64Array;
  /** The columns in the order in which they are rounded, which is also that of the rows of `factor`. */
  order: Int32Array;
  grid: RoundingGrid;
}

/**
 * Rounds weights to a grid, one column after the other: each value is first moved by what the errors of the columns
 * before it ask of it, so that |M (w - rounded)| becomes small in each output. Babai's nearest plane algorithm, in
 * float64 and in a fixed order: every backend gives the same bits. NaN becomes the smallest step, and what is 0 stays 0.
 *
 * @param rows finite weights, one row per output
 * @returns the steps, in the order of rows; an Int8Array where the grid reaches below 0
 * @throws RangeError if lengths do not agree, or the grid is not one of 8 bits
 */
export function compensateRounding(
  rows: Float32Array,
  { factor, order, grid, ...options }: CompensateRoundingOptions,
): Int8Array | Uint8Array {
  const columns = order.length;
  const { scales, zeroPoints, blockSize = columns, min, max } = grid;
  if (columns === 0 || rows.length % columns !== 0)
    throw outOfRange(`a multiple of the ${columns} columns`, "rows.length", rows.length);
  if (factor.length !== columns * columns)
    throw outOfRange(`length ${columns * columns}`, "factor", `length ${factor.length}`);
  if (!(Number.isInteger(blockSize) && blockSize >= 1 && blockSize <= columns))
    throw outOfRange(`an integer in 1..${columns}`, "blockSize", blockSize);
  const parameters = (rows.length / columns) * Math.ceil(columns / blockSize);
  if (scales.length !== parameters || zeroPoints.length !== parameters)
    throw outOfRange(
      `${parameters} scales and zero points`,
      "grid",
      `${scales.length}, ${zeroPoints.length}`,
    );
  const lowest = min < 0 ? -128 : 0;
  if (!(Number.isInteger(min) && Number.isInteger(max) && min >= lowest && max <= lowest + 255 && min <= max))
    throw outOfRange("steps of int8 or uint8", "min and max", `${min}..${max}`);
  const steps = new Uint8Array(rows.length);
  return runCall(
    {
      elements: rows.length * columns,
      arrays: [rows, factor, order, scales, zeroPoints],
      run: (operations, ...execution) =>
        operations.compensateRounding(
          rows,
          steps,
          factor,
          order,
          scales,
          zeroPoints,
          blockSize,
          min,
          max,
          ...execution,
        ),
      result: () => (min < 0 ? new Int8Array(steps.buffer) : steps),
    },
    options,
  );
}

import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

export interface CompensatePruningOptions extends CallOptions {
  /** M of `reversedCholesky`, columns x columns: how the errors of columns weigh on each other. */
  factor: Float64Array;
  /** The columns in the order in which they are pruned, which is also that of the rows of `factor`. */
  order: Int32Array;
  /** 0 for weights that go whatever they cost. Default: none. */
  kept?: Uint8Array | undefined;
  /** Weights that cost no more go too. Default: none. */
  threshold?: number | undefined;
  /** Of every `of` columns that follow one another in the order only the `keep` stay that cost most. Default: all. */
  keep?: number | undefined;
  of?: number | undefined;
}

export interface CompensatedPruning {
  /** The weights that stay, moved to make good what went, and +0 for the others. */
  readonly pruned: Float32Array;
  /** 1 for each weight that stays. */
  readonly kept: Uint8Array;
  /** What each weight costs when it goes: how much |M (w - pruned)|^2 grows, were the others moved to make it good. */
  readonly costs: Float32Array;
}

const MAX_GROUP = 64;

/**
 * Prunes weights one column after the other: each is first moved by what the errors of the columns before it ask of it, so
 * that |M (w - pruned)| becomes small in each output, and goes where that costs little. In float64 and in a fixed order:
 * every backend gives the same bits.
 * SparseGPT (E. Frantar, D. Alistarh: SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot, ICML 2023)
 * with a threshold in place of shares of blocks, computed without an inverse as `compensateRounding` is.
 *
 * @param rows finite weights, one row per output
 * @throws RangeError if lengths do not agree, or columns do not fall into groups of 1 to 64
 */
export function compensatePruning(
  rows: Float32Array,
  { factor, order, kept: asked, threshold = -1, of = 1, keep = of, ...options }: CompensatePruningOptions,
): CompensatedPruning {
  const columns = order.length;
  if (columns === 0 || rows.length % columns !== 0)
    throw outOfRange(`a multiple of the ${columns} columns`, "rows.length", rows.length);
  if (factor.length !== columns * columns)
    throw outOfRange(`length ${columns * columns}`, "factor", `length ${factor.length}`);
  if (asked && asked.length !== rows.length)
    throw outOfRange(`length ${rows.length}`, "kept", `length ${asked.length}`);
  if (!(Number.isInteger(of) && of >= 1 && of <= MAX_GROUP && columns % of === 0))
    throw outOfRange(`a divisor of ${columns} in 1..${MAX_GROUP}`, "of", of);
  if (!(Number.isInteger(keep) && keep >= 1 && keep <= of)) throw outOfRange(`in 1..${of}`, "keep", keep);
  const kept = asked?.slice() ?? new Uint8Array(rows.length).fill(1);
  const pruned = new Float32Array(rows.length);
  const costs = new Float32Array(rows.length);
  return runCall(
    {
      elements: rows.length * columns,
      arrays: [rows, kept, pruned, costs, factor, order],
      run: (operations, ...execution) =>
        operations.compensatePruning(
          rows,
          kept,
          pruned,
          costs,
          factor,
          order,
          threshold,
          keep,
          of,
          ...execution,
        ),
      result: () => ({ pruned, kept, costs }),
    },
    options,
  );
}

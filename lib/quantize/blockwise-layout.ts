import { outOfRange, wrongType } from "../errors.js";

/** A matrix each of whose columns is quantized in blocks, and how its values lie in memory. */
export interface BlockwiseLayout {
  /** Size of the dimension that the blocks run along: K, the first of a MatMul's weight. */
  rows: number;
  /** Size of the other dimension: N, the last of a MatMul's weight. */
  cols: number;
  /** Rows that share a scale: 16, 32, 64, 128 or 256. Default 32. */
  blockSize?: number | undefined;
  /** 4 or 8. Default 4. */
  bits?: 4 | 8 | undefined;
  /**
   * False: the values lie row after row, [rows, cols], as in the weight of a MatMul. True: column after column, [cols, rows], as in
   * the weight of a Gemm with transB or of a linear layer in PyTorch. The blocks and the result are the same. Default false.
   */
  transposed?: boolean | undefined;
}

export interface ResolvedLayout {
  readonly rows: number;
  readonly cols: number;
  readonly blockSize: number;
  readonly bits: 4 | 8;
  readonly transposed: boolean;
  /** Bytes of packed steps. */
  readonly packed: number;
  /** Number of scales. */
  readonly scales: number;
  /** Bytes of packed zero points. */
  readonly zeroPoints: number;
}

const BLOCK_SIZES = [16, 32, 64, 128, 256];

/** Checks a layout and says how long the arrays of a quantized matrix are. */
export function resolveLayout(layout: BlockwiseLayout): ResolvedLayout {
  const { rows, cols, blockSize = 32, bits = 4, transposed = false } = layout;
  requireSize(rows, "rows");
  requireSize(cols, "cols");
  if (!BLOCK_SIZES.includes(blockSize)) throw outOfRange("16, 32, 64, 128 or 256", "blockSize", blockSize);
  if (bits !== 4 && bits !== 8) throw outOfRange("4 or 8", "bits", bits);
  if (typeof transposed !== "boolean") throw wrongType("true or false", "transposed", transposed);
  const blocks = Math.ceil(rows / blockSize);
  return {
    rows,
    cols,
    blockSize,
    bits,
    transposed,
    packed: (cols * blocks * blockSize * bits) / 8,
    scales: cols * blocks,
    zeroPoints: cols * Math.ceil((blocks * bits) / 8),
  };
}

function requireSize(size: unknown, name: string): void {
  if (typeof size !== "number") throw wrongType("a whole number", name, size);
  if (!Number.isSafeInteger(size) || size < 0) throw outOfRange("a whole number, 0 or more,", name, size);
}

import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type BlockwiseLayout, resolveLayout } from "./blockwise-layout.js";

/** What the operator MatMulNBits takes, column after column of the matrix. */
export interface BlockwiseArrays {
  /** The steps, [cols, blocks, blockSize * bits / 8]: two 4-bit steps in a byte, the first in its low half. */
  packed: Uint8Array;
  /** [cols, blocks] */
  scales: Float32Array;
  /** [cols, ceil(blocks * bits / 8)], packed as the steps are; absent where all are 2^(bits-1). */
  zeroPoints?: Uint8Array | undefined;
}

export interface QuantizeBlockwiseOptions extends BlockwiseLayout, CallOptions {
  /**
   * True: every zero point is 2^(bits-1), and the end of a block's range that is farther from 0 becomes step 0. False: each block has
   * a zero point of its own. Default true.
   */
  symmetric?: boolean | undefined;
  /** Where the results go, apart from w in memory; zeroPoints just where `symmetric` is false. Default: new arrays. */
  out?: BlockwiseArrays | undefined;
}

/**
 * Quantizes the weight of a matrix product to 4 or 8 bits with a scale for each block of rows in a column, byte for byte as
 * onnxruntime's own quantizer on x64 (MlasQuantizeBlockwise): the results are the initializers of its operator MatMulNBits, so that a
 * MatMul whose weight is [K, N] becomes MatMulNBits(A, packed, scales, zeroPoints) with these K, N, bits and block_size.
 *
 * A block's scale is -far / 2^(bits-1), where far is the end of its range that is farther from 0, or without `symmetric`
 * (max - min) / (2^bits - 1) over the range and 0, with round(-min / scale) as the zero point. A step is round(w * (1 / scale) + zero
 * point) with ties away from zero. NaN does not count for the range and becomes step 0, as do infinities.
 *
 * @example
 * const { packed, scales } = quantizeBlockwise(weight, { rows: 4096, cols: 11008 }); // 4 bits, blocks of 32
 *
 * @throws TypeError if w is not a Float32Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if w does not have rows * cols values, the bits or block size do not exist, an array of `out` has another length
 *   or overlaps w, or the backend is not available.
 */
export function quantizeBlockwise(
  w: Float32Array,
  options: QuantizeBlockwiseOptions & { symmetric: false },
): BlockwiseArrays & { zeroPoints: Uint8Array };
export function quantizeBlockwise(w: Float32Array, options: QuantizeBlockwiseOptions): BlockwiseArrays;
export function quantizeBlockwise(w: Float32Array, options: QuantizeBlockwiseOptions): BlockwiseArrays {
  return runCall(prepare(w, options), options);
}

/** quantizeBlockwise off the event loop; leave the arrays as they are until the promise settles. */
export function quantizeBlockwiseAsync(
  w: Float32Array,
  options: QuantizeBlockwiseOptions & AsyncCallOptions & { symmetric: false },
): Promise<BlockwiseArrays & { zeroPoints: Uint8Array }>;
export function quantizeBlockwiseAsync(
  w: Float32Array,
  options: QuantizeBlockwiseOptions & AsyncCallOptions,
): Promise<BlockwiseArrays>;
export function quantizeBlockwiseAsync(
  w: Float32Array,
  options: QuantizeBlockwiseOptions & AsyncCallOptions,
): Promise<BlockwiseArrays> {
  return runCallAsync(() => prepare(w, options), options);
}

function prepare(w: Float32Array, options: QuantizeBlockwiseOptions): Call<BlockwiseArrays> {
  requireFloat32(w, "w");
  const layout = resolveLayout(options);
  const { rows, cols, blockSize, bits, transposed } = layout;
  if (w.length !== rows * cols) throw outOfRange(`length ${rows * cols}`, "w", `length ${w.length}`);
  const { symmetric = true } = options;
  if (typeof symmetric !== "boolean") throw wrongType("true or false", "symmetric", symmetric);

  const out = options.out ?? {
    packed: newArray(Uint8Array, layout.packed),
    scales: newArray(Float32Array, layout.scales),
    ...(symmetric ? {} : { zeroPoints: newArray(Uint8Array, layout.zeroPoints) }),
  };
  const { packed, scales, zeroPoints } = out;
  if (!(packed instanceof Uint8Array)) throw wrongType("a Uint8Array", "out.packed", packed);
  requireFloat32(scales, "out.scales");
  requireOutput(packed, layout.packed, w, "out.packed");
  requireOutput(scales, layout.scales, w, "out.scales");
  requireOutput(packed, layout.packed, scales, "out.packed");
  if (symmetric !== (zeroPoints === undefined))
    throw outOfRange(symmetric ? "nothing, as symmetric is true," : "an array", "out.zeroPoints", zeroPoints);
  if (zeroPoints !== undefined) {
    if (!(zeroPoints instanceof Uint8Array)) throw wrongType("a Uint8Array", "out.zeroPoints", zeroPoints);
    requireOutput(zeroPoints, layout.zeroPoints, w, "out.zeroPoints");
    requireOutput(zeroPoints, layout.zeroPoints, packed, "out.zeroPoints");
    requireOutput(zeroPoints, layout.zeroPoints, scales, "out.zeroPoints");
  }
  return {
    elements: w.length,
    jsUpTo: 96,
    arrays: [w, packed, scales, ...(zeroPoints ? [zeroPoints] : [])],
    run: (operations, ...execution) =>
      operations.quantizeBlockwise(
        ...([w, packed, scales, zeroPoints, rows, cols, blockSize, bits, transposed] as const),
        ...execution,
      ),
    result: () => out,
  };
}

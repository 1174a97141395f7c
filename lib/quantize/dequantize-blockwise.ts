import { requireAttached, requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { type BlockwiseLayout, resolveLayout } from "./blockwise-layout.js";

export interface DequantizeBlockwiseOptions extends BlockwiseLayout, CallOptions {
  /** One per block, [cols, blocks]. */
  scales: Float32Array;
  /** Packed as the steps are, [cols, ceil(blocks * bits / 8)]. Default: 2^(bits-1) everywhere. */
  zeroPoints?: Uint8Array | undefined;
  /** Where the values go, apart from the other arrays in memory, possibly a subarray. Default: a new array. */
  out?: Float32Array | undefined;
}

/**
 * Turns the initializers of onnxruntime's operator MatMulNBits back into the weight that it multiplies with: (step - zero point) *
 * scale, in float32. A scale that is NaN or infinite gives what that product gives; every NaN has the same bits.
 *
 * @example
 * const { packed, ...params } = quantizeBlockwise(weight, { rows, cols });
 * const w = dequantizeBlockwise(packed, { rows, cols, ...params }); // Float32Array [rows, cols]
 *
 * @throws TypeError if packed is not a Uint8Array or is detached, or an option is of the wrong kind.
 * @throws RangeError if an array does not have the length that rows, cols, bits and blockSize give it, the bits or block size do not
 *   exist, out overlaps another array, or the backend is not available.
 */
export function dequantizeBlockwise(packed: Uint8Array, options: DequantizeBlockwiseOptions): Float32Array {
  return runCall(prepare(packed, options), options);
}

/** dequantizeBlockwise off the event loop; leave the arrays as they are until the promise settles. */
export function dequantizeBlockwiseAsync(
  packed: Uint8Array,
  options: DequantizeBlockwiseOptions & AsyncCallOptions,
): Promise<Float32Array> {
  return runCallAsync(() => prepare(packed, options), options);
}

function prepare(packed: Uint8Array, options: DequantizeBlockwiseOptions): Call<Float32Array> {
  if (!(packed instanceof Uint8Array)) throw wrongType("a Uint8Array", "packed", packed);
  const layout = resolveLayout(options);
  const { rows, cols, blockSize, bits, transposed } = layout;
  const { scales, zeroPoints } = options;
  requireLength(packed, layout.packed, "packed");
  requireFloat32(scales, "scales");
  requireLength(scales, layout.scales, "scales");
  if (zeroPoints !== undefined) {
    if (!(zeroPoints instanceof Uint8Array)) throw wrongType("a Uint8Array", "zeroPoints", zeroPoints);
    requireLength(zeroPoints, layout.zeroPoints, "zeroPoints");
  }
  const out = options.out ?? newArray(Float32Array, rows * cols);
  requireFloat32(out, "out");
  const inputs = [packed, scales, ...(zeroPoints ? [zeroPoints] : [])];
  for (const input of inputs) requireOutput(out, rows * cols, input);
  return {
    elements: out.length,
    arrays: [...inputs, out],
    run: (operations, ...execution) =>
      operations.dequantizeBlockwise(
        ...([packed, scales, zeroPoints, out, rows, cols, blockSize, bits, transposed] as const),
        ...execution,
      ),
    result: () => out,
  };
}

function requireLength(array: Uint8Array | Float32Array, length: number, name: string): void {
  requireAttached(array, name);
  if (array.length !== length) throw outOfRange(`length ${length}`, name, `length ${array.length}`);
}

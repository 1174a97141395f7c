import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { GGUF_BLOCK_VALUES, type GgufBlockType, ggufBlockBytes, wholeBlocks } from "./gguf-block.js";

export interface QuantizeGgufOptions extends CallOptions {
  /** Q8_0: 8 bits and a scale for each 32 values, 34 bytes in all. Q4_0: 4 bits, 18 bytes. */
  type: GgufBlockType;
  /** Where the blocks go, apart from x in memory, possibly a subarray. Default: a new array. */
  out?: Uint8Array | undefined;
}

/**
 * Quantizes float32 values to the blocks that GGUF files hold, byte for byte as ggml's reference quantizer (quantize_row_q8_0_ref
 * and quantize_row_q4_0_ref). Each 32 values in a row become one block: a float16 scale, then the steps. A tensor's rows must
 * hold whole blocks, so its last dimension is a multiple of 32.
 *
 * What that reference leaves undefined is defined here: a NaN makes its block's scale NaN, so all of the block reads back as NaN;
 * a step that is infinite or NaN, as from infinities or from values below 2^-121, is stored as 0.
 *
 * @example
 * const blocks = quantizeGguf(weights, { type: "Q8_0" }); // Uint8Array of weights.length / 32 * 34 bytes
 *
 * @throws TypeError if x is not a Float32Array or is detached, or out is not a Uint8Array.
 * @throws RangeError if the length of x is not a multiple of 32, the type is unknown, out has another length or overlaps x, or the
 *   backend is not available.
 */
export function quantizeGguf(x: Float32Array, options: QuantizeGgufOptions): Uint8Array {
  return runCall(prepare(x, options), options);
}

/** quantizeGguf off the event loop; leave the arrays as they are until the promise settles. */
export function quantizeGgufAsync(
  x: Float32Array,
  options: QuantizeGgufOptions & AsyncCallOptions,
): Promise<Uint8Array> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, options: QuantizeGgufOptions): Call<Uint8Array> {
  requireFloat32(x, "x");
  const length = wholeBlocks(x.length, GGUF_BLOCK_VALUES, "x") * ggufBlockBytes(options.type);
  const out = options.out ?? newArray(Uint8Array, length);
  if (!(out instanceof Uint8Array)) throw wrongType("a Uint8Array", "out", out);
  requireOutput(out, length, x);
  return {
    elements: x.length,
    arrays: [x, out],
    run: (operations, ...execution) =>
      options.type === "Q8_0"
        ? operations.quantizeGgufQ8_0(x, out, ...execution)
        : operations.quantizeGgufQ4_0(x, out, ...execution),
    result: () => out,
  };
}

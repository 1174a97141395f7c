import { requireAttached, requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { wrongType } from "../errors.js";
import { newArray } from "../new-array.js";
import { GGUF_BLOCK_VALUES, type GgufBlockType, ggufBlockBytes, wholeBlocks } from "./gguf-block.js";

export interface DequantizeGgufOptions extends CallOptions {
  /** What the blocks are: 34 bytes each for Q8_0, 18 for Q4_0. */
  type: GgufBlockType;
  /** Where the values go, apart from the blocks in memory, possibly a subarray. Default: a new array. */
  out?: Float32Array | undefined;
}

/**
 * Turns blocks of a GGUF file back into float32, bit for bit as ggml: the float16 scale times the step. A block whose scale is
 * NaN or infinite gives what that product gives; every NaN has the same bits.
 *
 * @example
 * const x = dequantizeGguf(blocks, { type: "Q8_0" }); // Float32Array of blocks.length / 34 * 32 values
 *
 * @throws TypeError if blocks is not a Uint8Array or is detached, or out is not a Float32Array.
 * @throws RangeError if there are no whole blocks, the type is unknown, out has another length or overlaps the blocks, or the
 *   backend is not available.
 */
export function dequantizeGguf(blocks: Uint8Array, options: DequantizeGgufOptions): Float32Array {
  return runCall(prepare(blocks, options), options);
}

/** dequantizeGguf off the event loop; leave the arrays as they are until the promise settles. */
export function dequantizeGgufAsync(
  blocks: Uint8Array,
  options: DequantizeGgufOptions & AsyncCallOptions,
): Promise<Float32Array> {
  return runCallAsync(() => prepare(blocks, options), options);
}

function prepare(blocks: Uint8Array, options: DequantizeGgufOptions): Call<Float32Array> {
  if (!(blocks instanceof Uint8Array)) throw wrongType("a Uint8Array", "blocks", blocks);
  requireAttached(blocks, "blocks");
  const bytes = ggufBlockBytes(options.type);
  const length = wholeBlocks(blocks.length, bytes, "blocks") * GGUF_BLOCK_VALUES;
  const out = options.out ?? newArray(Float32Array, length);
  requireFloat32(out, "out");
  requireOutput(out, length, blocks);
  return {
    elements: length,
    arrays: [blocks, out],
    run: (operations, ...execution) =>
      options.type === "Q8_0"
        ? operations.dequantizeGgufQ8_0(blocks, out, ...execution)
        : operations.dequantizeGgufQ4_0(blocks, out, ...execution),
    result: () => out,
  };
}

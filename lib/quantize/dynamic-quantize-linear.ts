import { requireFloat32, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import { newArray } from "../new-array.js";

export interface DynamicQuantizeLinearOptions extends CallOptions {
  /** Where y goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: Uint8Array | undefined;
}

export interface DynamicQuantized {
  y: Uint8Array;
  /** A positive float32; 0 only for values so close together that float32 cannot hold a 255th of their distance. */
  scale: number;
  /** An integer in 0..255. */
  zeroPoint: number;
}

/**
 * Quantizes float32 values to uint8 with the scale and zero point of their own range, bit for bit as the ONNX operator
 * DynamicQuantizeLinear. The range is widened to hold 0, so that 0 stays exact.
 *
 * @throws TypeError if x is not a Float32Array, out is not a Uint8Array, or one is detached.
 * @throws RangeError if x is empty, holds NaN or an infinity, spans more than float32 can hold, or if out or backend do not fit.
 */
export function dynamicQuantizeLinear(
  x: Float32Array,
  options: DynamicQuantizeLinearOptions = {},
): DynamicQuantized {
  return runCall(prepare(x, options), options);
}

/** dynamicQuantizeLinear off the event loop; leave the arrays as they are until the promise settles. */
export function dynamicQuantizeLinearAsync(
  x: Float32Array,
  options: DynamicQuantizeLinearOptions & AsyncCallOptions = {},
): Promise<DynamicQuantized> {
  return runCallAsync(() => prepare(x, options), options);
}

function prepare(x: Float32Array, options: DynamicQuantizeLinearOptions): Call<DynamicQuantized> {
  requireFloat32(x, "x");
  if (x.length === 0) throw outOfRange("at least one element", "x", "none");
  const y = options.out ?? newArray(Uint8Array, x.length);
  if (!(y instanceof Uint8Array)) throw wrongType("a Uint8Array", "out", y);
  requireOutput(y, x.length, x);
  const params = new Float32Array(4);
  return {
    elements: x.length,
    jsUpTo: 0,
    arrays: [x, y],
    run: (operations, ...execution) => operations.dynamicQuantizeLinear(x, y, params, ...execution),
    result: () => {
      const [min, max, scale, zeroPoint] = params as unknown as [number, number, number, number];
      if (!Number.isFinite(scale))
        throw outOfRange(
          "finite values whose distance float32 can hold (replace NaN and infinities, or quantize with a scale of your own)",
          "x",
          `values from ${min} to ${max}`,
        );
      return { y, scale, zeroPoint };
    },
  };
}

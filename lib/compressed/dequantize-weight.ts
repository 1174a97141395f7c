import { minMax } from "../minmax/min-max.js";
import { dequantizeLinear } from "../quantize/dequantize-linear.js";
import { bytesOf, type TypedArray } from "../tensor.js";
import type { WeightLayout } from "./layout.js";
import type { WeightForm } from "./weight-form.js";
import { TO_FLOAT32 } from "./weight-slabs.js";

const WORD_BITS = 32;

/**
 * Brings a quantized weight back into floats of the type of its scales, as dequantizeLinear.
 *
 * @param load the data of a tensor of the weight, by what it is: "weight_scale"
 * @param invalid what to throw for a scale that is not finite
 */
export function dequantizeWeight(
  { layout, symmetric, dtype }: WeightForm,
  load: (parameter: string) => TypedArray,
  out: TypedArray,
  invalid: (message: string) => Error,
): void {
  const { rows, cols, groups, groupSize, strategy, bits, packed, rowBytes, usedBytes, dense } = layout;
  const stored = load("weight_scale");
  const scales = dtype === "float32" ? (stored as Float32Array) : TO_FLOAT32[dtype](stored as Uint16Array);
  const { min, max } = minMax(scales);
  if (!(Number.isFinite(min) && Number.isFinite(max))) throw invalid("a scale is NaN or infinite");
  const zeroPoints = symmetric ? undefined : unpackZeroPoints(load("weight_zero_point"), layout);
  const middle = packed ? 2 ** (bits - 1) : 0;
  const data = load(packed ? "weight_packed" : "weight");
  const steps = packed ? bytesOf(data) : (data as Int8Array);
  const step = dense ? rows : 1;
  for (let row = 0; row < rows; row += step) {
    const [from, to] = strategy === "tensor" ? [0, 1] : [row * groups, (row + step) * groups];
    const first = row * rowBytes;
    dequantizeLinear(steps.subarray(first, first + (step - 1) * rowBytes + usedBytes), {
      dtype: packed ? (bits === 4 ? "uint4" : "uint8") : "int8",
      scale: scales.subarray(from, to),
      zeroPoint: zeroPoints?.subarray(from, to) ?? middle,
      shape: [step, cols],
      ...(strategy === "group" ? { axis: 1, blockSize: groupSize } : { axis: 0 }),
      outputDType: dtype,
      out: out.subarray(row * cols, (row + step) * cols) as Float32Array | Uint16Array,
    });
  }
}

/** One for each scale, from 0 up where values are. */
function unpackZeroPoints(
  stored: TypedArray,
  { bits, groups, scales, strategy, packed }: WeightLayout,
): Int32Array {
  const middle = packed ? 2 ** (bits - 1) : 0;
  if (!packed || strategy === "tensor")
    return Int32Array.from(stored as Int8Array, (value) => value + middle);
  const words = stored as Int32Array;
  const zeroPoints = new Int32Array(scales);
  for (let i = 0; i < scales; i++) {
    const at = Math.floor(i / groups) * bits;
    const word = words[Math.floor(at / WORD_BITS) * groups + (i % groups)]!;
    zeroPoints[i] = (word >> (at % WORD_BITS)) & (2 ** bits - 1);
  }
  return zeroPoints;
}

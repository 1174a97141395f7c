import { outOfRange, wrongType } from "../errors.js";
import { QUANTIZED_TYPES, type QuantizedDType, requireDType } from "./quantized-type.js";
import { roundHalfEven } from "./round-half-even.js";

export interface ComputeQuantParamsOptions {
  /** Smallest value to represent; the range is widened to hold 0. */
  min: number;
  /** Largest value to represent. */
  max: number;
  dtype: QuantizedDType;
  /** Centre the range on 0, as weights want it. Default false. */
  symmetric?: boolean | undefined;
  /** Use one bit less: for processors whose 8-bit products saturate (x86 without VNNI). Default false. */
  reduceRange?: boolean | undefined;
}

export interface QuantParams {
  /** A positive float32. */
  scale: number;
  /** An integer of the type's range. */
  zeroPoint: number;
}

const SMALLEST_NORMAL = 2 ** -126;

/**
 * The scale and zero point that map [min, max] onto an integer type, bit for bit as ONNX Runtime's quantization tools
 * compute them: the range in float32, the division in float64, the zero point from the scale before that is rounded to float32.
 *
 * A range too narrow for a normal float32 scale gives scale 1 and zero point 0.
 *
 * @throws RangeError if min or max is not a finite float32, min > max, their distance overflows float32, or dtype is unknown.
 */
export function computeQuantParams({
  min,
  max,
  dtype,
  symmetric = false,
  reduceRange = false,
}: ComputeQuantParamsOptions): QuantParams {
  requireDType(dtype, QUANTIZED_TYPES);
  requireFinite(min, "min");
  requireFinite(max, "max");
  if (min > max) throw outOfRange(`at most max (${max})`, "min", min);

  let low = Math.min(Math.fround(min), 0);
  let high = Math.max(Math.fround(max), 0);
  if (symmetric) {
    high = Math.max(-low, high);
    low = -high;
  }
  const range = Math.fround(high - low);
  if (range === Infinity) throw outOfRange("a distance from min to max that float32 can hold", "max", max);

  const type = QUANTIZED_TYPES[dtype];
  const target = reduceRange ? type.reduced : ((symmetric ? type.symmetric : undefined) ?? type.full);
  const scale = range / (target.max - target.min);
  if (scale < SMALLEST_NORMAL) return { scale: 1, zeroPoint: 0 };
  const zeroPoint = symmetric ? (target.min + target.max) / 2 : target.min - low / scale;
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(zeroPoint) };
}

function requireFinite(value: unknown, name: string): void {
  if (typeof value !== "number") throw wrongType("a number", name, value);
  if (!Number.isFinite(Math.fround(value))) throw outOfRange("a finite float32", name, value);
}

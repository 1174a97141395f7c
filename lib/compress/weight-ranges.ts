import { minMax } from "../minmax/min-max.js";
import type { FloatPiece } from "../onnx/floats-of.js";
import type { QuantParams } from "../quantize/compute-quant-params.js";
import { dequantizeLinear } from "../quantize/dequantize-linear.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { elementCount } from "../tensor.js";

/** How a weight is cut into channels: one per index of the axis, or one in all where there is no layout. */
export type ChannelLayout = { readonly shape: readonly number[]; readonly axis: number } | undefined;

/** Shares of the range of a channel that are tried. */
const SHARES = Array.from({ length: 25 }, (_, i) => 1 - i / 50);

/** Smallest and largest value of each channel of a weight, or 0, that comes in pieces along the first axis of its layout. */
export function channelRanges(pieces: Iterable<FloatPiece>, layout: ChannelLayout, channels: number) {
  // Zero belongs to every range, for what it is worth here.
  const mins = new Float32Array(channels);
  const maxs = new Float32Array(channels);
  for (const { from, to, values } of pieces) {
    if (values.length === 0) continue;
    const { min, max } = layout ? minMax(values, pieceLayout(layout, from, to)) : rangeOf(values);
    const first = layout?.axis === 0 ? from : 0;
    for (let i = 0; i < min.length; i++) {
      // Of NaN and a number these give NaN.
      mins[first + i] = Math.min(mins[first + i]!, min[i]!);
      maxs[first + i] = Math.max(maxs[first + i]!, max[i]!);
    }
  }
  return { mins, maxs };
}

function rangeOf(values: Float32Array) {
  const { min, max } = minMax(values);
  return { min: [min], max: [max] };
}

/** How a piece of a weight is cut into channels. */
export function pieceLayout(
  { shape, axis }: NonNullable<ChannelLayout>,
  from: number,
  to: number,
): NonNullable<ChannelLayout> {
  return { shape: [to - from, ...shape.slice(1)], axis };
}

/**
 * The share of each channel's range whose steps have the smallest squared error over its values: a narrower range has
 * finer steps for most of them and cuts the largest.
 *
 * @param params scale and zero point of a channel when this share of its range is kept
 */
export function bestShares(
  values: Float32Array,
  layout: ChannelLayout,
  dtype: "int8" | "uint8",
  channels: number,
  params: (channel: number, share: number) => QuantParams,
): Float64Array {
  const shape = layout?.shape ?? [values.length];
  const axis = layout?.axis ?? 0;
  const inner = layout ? elementCount(shape.slice(axis + 1)) : values.length;
  const best = new Float64Array(channels).fill(1);
  const least = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const steps = dtype === "int8" ? new Int8Array(values.length) : new Uint8Array(values.length);
  const rounded = new Float32Array(values.length);
  for (const share of SHARES) {
    const each = Array.from({ length: channels }, (_, channel) => params(channel, share));
    const scale = Float32Array.from(each, (param) => param.scale);
    const zeroPoint = Int32Array.from(each, (param) => param.zeroPoint);
    const grid = layout ? { scale, zeroPoint, ...layout } : { scale: scale[0]!, zeroPoint: zeroPoint[0]! };
    quantizeLinear(values, { ...grid, out: steps });
    dequantizeLinear(steps, { ...grid, out: rounded });
    const errors = squaredErrors(values, rounded, channels, inner);
    for (let channel = 0; channel < channels; channel++)
      if (errors[channel]! < least[channel]!) {
        least[channel] = errors[channel]!;
        best[channel] = share;
      }
  }
  return best;
}

function squaredErrors(
  values: Float32Array,
  rounded: Float32Array,
  channels: number,
  inner: number,
): Float64Array {
  const errors = new Float64Array(channels);
  for (let at = 0; at < values.length; )
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (const end = at + inner; at < end; at++) {
        const error = values[at]! - rounded[at]!;
        sum += error * error;
      }
      errors[channel]! += sum;
    }
  return errors;
}

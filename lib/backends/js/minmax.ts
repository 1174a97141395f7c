import type { Operations } from "../../backend.js";
import type { TypedArray } from "../../tensor.js";

/** One NaN for all, +0 for a zero of either sign. */
function settled(v: number): number {
  return Number.isNaN(v) ? NaN : v + 0;
}

export const minMax: Operations<void>["minMax"] = (x, range) => {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!;
    if (Number.isNaN(v)) {
      min = NaN;
      max = NaN;
      break;
    }
    if (v < min) min = v;
    if (v > max) max = v;
  }
  range[0] = settled(min);
  range[1] = settled(max);
};

export const minMaxPerAxis: Operations<void>["minMaxPerAxis"] = (x, mins, maxs, inner) => {
  mins.fill(Infinity);
  maxs.fill(-Infinity);
  const channels = mins.length;
  for (let i = 0, channel = 0; i < x.length; channel = channel + 1 === channels ? 0 : channel + 1) {
    let min = mins[channel]!;
    let max = maxs[channel]!;
    for (const end = i + inner; i < end; i++) {
      const v = x[i]!;
      // Written so that a NaN comes in, and stays: it compares false.
      if (!(v >= min || Number.isNaN(min))) min = v;
      if (!(v <= max || Number.isNaN(max))) max = v;
    }
    mins[channel] = min;
    maxs[channel] = max;
  }
  for (let channel = 0; channel < channels; channel++) {
    mins[channel] = settled(mins[channel]!);
    maxs[channel] = settled(maxs[channel]!);
  }
};

/** The ends of the integer types, by their array; the others begin at infinity. */
function ends(x: TypedArray): [min: number | bigint, max: number | bigint] {
  if (x instanceof Float32Array || x instanceof Float64Array) return [-Infinity, Infinity];
  const bits = 8 * x.BYTES_PER_ELEMENT;
  const signed = /^(?:Big)?Int/.test(x.constructor.name);
  const [min, max] = signed
    ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]
    : [0n, 2n ** BigInt(bits) - 1n];
  return bits === 64 ? [min, max] : [Number(min), Number(max)];
}

export const summarize: Operations<void>["summarize"] = (x, range, counts) => {
  let [max, min] = ends(x);
  let zeros = 0;
  let nans = 0;
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!;
    if (v < min) min = v;
    if (v > max) max = v;
    if (!v) {
      if (Number.isNaN(v)) nans++;
      else zeros++;
    }
  }
  range[0] = (typeof min === "bigint" ? min : min + 0) as never;
  range[1] = (typeof max === "bigint" ? max : max + 0) as never;
  counts[0] = zeros;
  counts[1] = nans;
};

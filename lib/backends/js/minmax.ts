import type { Operations } from "../../backend.js";

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

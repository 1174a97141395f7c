import type { Operations } from "../../backend.js";
import { minMax } from "./minmax.js";

// 1.5 * 2^23: a float32 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 12582912;

export const quantizeLinear: Operations<void>["quantizeLinear"] = (x, y, scale, zeroPoint) => {
  const min = y instanceof Int8Array ? -128 : 0;
  const lo = min - zeroPoint;
  const hi = min + 255 - zeroPoint;
  for (let i = 0; i < x.length; i++) {
    let v = Math.fround(x[i]! / scale);
    if (!(v > lo)) v = lo; // NaN too
    if (v > hi) v = hi;
    y[i] = Math.fround(v + ROUND) - ROUND + zeroPoint;
  }
};

export const quantizeLinearPerAxis: Operations<void>["quantizeLinearPerAxis"] = (
  x,
  y,
  scales,
  zeroPoints,
  inner,
) => {
  const min = y instanceof Int8Array ? -128 : 0;
  const channels = scales.length;
  for (let i = 0, channel = 0; i < x.length; channel = channel + 1 === channels ? 0 : channel + 1) {
    const scale = scales[channel]!;
    const zeroPoint = zeroPoints[channel]!;
    const lo = min - zeroPoint;
    const hi = min + 255 - zeroPoint;
    for (const end = i + inner; i < end; i++) {
      let v = Math.fround(x[i]! / scale);
      if (!(v > lo)) v = lo;
      if (v > hi) v = hi;
      y[i] = Math.fround(v + ROUND) - ROUND + zeroPoint;
    }
  }
};

export const dequantizeLinear: Operations<void>["dequantizeLinear"] = (x, y, scale, zeroPoint) => {
  for (let i = 0; i < x.length; i++) y[i] = Math.fround(x[i]! - zeroPoint) * scale;
};

export const dequantizeLinearPerAxis: Operations<void>["dequantizeLinearPerAxis"] = (
  x,
  y,
  scales,
  zeroPoints,
  inner,
) => {
  const channels = scales.length;
  for (let i = 0, channel = 0; i < x.length; channel = channel + 1 === channels ? 0 : channel + 1) {
    const scale = scales[channel]!;
    const zeroPoint = zeroPoints[channel]!;
    for (const end = i + inner; i < end; i++) y[i] = Math.fround(x[i]! - zeroPoint) * scale;
  }
};

export const dynamicQuantizeLinear: Operations<void>["dynamicQuantizeLinear"] = (x, y, params) => {
  minMax(x, params.subarray(0, 2));
  const low = Math.min(params[0]!, 0);
  const high = Math.max(params[1]!, 0);
  const width = Math.fround(high - low);
  const scale = width === 0 ? 1 : Math.fround(width / 255);
  const exact = Math.fround(0 - Math.fround(low / scale));
  // Written so that 0 / 0, of a scale that became 0, is 255 as in onnxruntime.
  const zeroPoint = exact < 255 ? Math.fround(Math.max(exact, 0) + ROUND) - ROUND : 255;
  const finite = Number.isFinite(width);
  params[2] = finite ? scale : width;
  params[3] = finite ? zeroPoint : 0;
  if (finite) quantizeLinear(x, y, scale, zeroPoint);
};

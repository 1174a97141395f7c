import type { Backend } from "../../backend.js";

// 1.5 * 2^23: a float32 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 12582912;

export const quantizeLinear: Backend["quantizeLinear"] = (x, y, scale, zeroPoint) => {
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

export const quantizeLinearPerAxis: Backend["quantizeLinearPerAxis"] = (x, y, scales, zeroPoints, inner) => {
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

export const dequantizeLinear: Backend["dequantizeLinear"] = (x, y, scale, zeroPoint) => {
  for (let i = 0; i < x.length; i++) y[i] = Math.fround(x[i]! - zeroPoint) * scale;
};

export const dequantizeLinearPerAxis: Backend["dequantizeLinearPerAxis"] = (
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

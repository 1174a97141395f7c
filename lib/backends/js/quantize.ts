import type { Operations } from "../../backend.js";
import {
  ELEMENT_TYPES,
  type ElementType,
  type FloatArray,
  type QuantizedArray,
} from "../../operations/element-types.js";
import { packInto, rangeOf, type ValueRange, widened } from "./elements.js";
import { type Run, runBlocked, runPerAxis } from "./layouts.js";
import { minMax } from "./minmax.js";

// 1.5 * 2^23: a float32 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 12582912;

// Functions of their own, for what a closure captures is read again for each element.
function quantizeOne(
  floats: Float32Array,
  values: QuantizedArray,
  { min, max }: ValueRange,
  from: number,
  to: number,
  scale: number,
  zeroPoint: number,
): void {
  const lo = min - zeroPoint;
  const hi = max - zeroPoint;
  for (let i = from; i < to; i++) {
    let v = Math.fround(floats[i]! / scale);
    if (!(v > lo)) v = lo; // NaN too
    if (v > hi) v = hi;
    values[i] = Math.fround(v + ROUND) - ROUND + zeroPoint;
  }
}

function quantizeLanes(
  floats: Float32Array,
  values: QuantizedArray,
  { min, max }: ValueRange,
  from: number,
  to: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
  first: number,
): void {
  for (let i = from, k = first; i < to; i++, k++) {
    const zeroPoint = zeroPoints[k]!;
    const lo = min - zeroPoint;
    const hi = max - zeroPoint;
    let v = Math.fround(floats[i]! / scales[k]!);
    if (!(v > lo)) v = lo; // NaN too
    if (v > hi) v = hi;
    values[i] = Math.fround(v + ROUND) - ROUND + zeroPoint;
  }
}

function quantize(
  x: FloatArray,
  xType: ElementType,
  y: QuantizedArray,
  yType: ElementType,
  scales: Float32Array,
  zeroPoints: Int32Array,
  work: (run: Run) => void,
): void {
  const floats = widened(x, xType);
  const limits = rangeOf(yType);
  packInto(y, yType, x.length, (values) => {
    work((from, to, k, lanes) => {
      if (lanes) quantizeLanes(floats, values, limits, from, to, scales, zeroPoints, k);
      else quantizeOne(floats, values, limits, from, to, scales[k]!, zeroPoints[k]!);
    });
  });
}

export const quantizeLinear: Operations<void>["quantizeLinear"] = (x, xType, y, yType, scale, zeroPoint) => {
  quantize(x, xType, y, yType, Float32Array.of(scale), Int32Array.of(zeroPoint), (run) => {
    run(0, x.length, 0, false);
  });
};

export const quantizeLinearPerAxis: Operations<void>["quantizeLinearPerAxis"] = (
  x,
  xType,
  y,
  yType,
  scales,
  zeroPoints,
  inner,
) => {
  quantize(x, xType, y, yType, scales, zeroPoints, (run) => {
    runPerAxis(run, x.length, scales.length, inner);
  });
};

export const quantizeLinearBlocked: Operations<void>["quantizeLinearBlocked"] = (
  x,
  xType,
  y,
  yType,
  scales,
  zeroPoints,
  size,
  inner,
  block,
) => {
  quantize(x, xType, y, yType, scales, zeroPoints, (run) => {
    runBlocked(run, x.length, size, inner, block);
  });
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
  if (finite) quantizeLinear(x, ELEMENT_TYPES.float32, y, ELEMENT_TYPES.uint8, scale, zeroPoint);
};

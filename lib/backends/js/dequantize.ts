import type { Operations } from "../../backend.js";
import type { ElementType, FloatArray, QuantizedArray } from "../../operations/element-types.js";
import { narrowInto, unpacked } from "./elements.js";
import { type Run, runBlocked, runPerAxis } from "./layouts.js";

type Values = QuantizedArray | Int32Array;

// Functions of their own, for what a closure captures is read again for each element.
function dequantizeOne(
  values: Values,
  floats: Float32Array,
  from: number,
  to: number,
  scale: number,
  zeroPoint: number,
): void {
  for (let i = from; i < to; i++) floats[i] = Math.fround(values[i]! - zeroPoint) * scale;
}

function dequantizeLanes(
  values: Values,
  floats: Float32Array,
  from: number,
  to: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
  first: number,
): void {
  for (let i = from, k = first; i < to; i++, k++)
    floats[i] = Math.fround(values[i]! - zeroPoints[k]!) * scales[k]!;
}

function dequantize(
  x: Values,
  xType: ElementType,
  y: FloatArray,
  yType: ElementType,
  scales: Float32Array,
  zeroPoints: Int32Array,
  work: (run: Run) => void,
): void {
  const values = unpacked(x, xType, y.length);
  narrowInto(y, yType, (floats) => {
    work((from, to, k, lanes) => {
      if (lanes) dequantizeLanes(values, floats, from, to, scales, zeroPoints, k);
      else dequantizeOne(values, floats, from, to, scales[k]!, zeroPoints[k]!);
    });
  });
}

export const dequantizeLinear: Operations<void>["dequantizeLinear"] = (
  x,
  xType,
  y,
  yType,
  scale,
  zeroPoint,
) => {
  dequantize(x, xType, y, yType, Float32Array.of(scale), Int32Array.of(zeroPoint), (run) => {
    run(0, y.length, 0, false);
  });
};

export const dequantizeLinearPerAxis: Operations<void>["dequantizeLinearPerAxis"] = (
  x,
  xType,
  y,
  yType,
  scales,
  zeroPoints,
  inner,
) => {
  dequantize(x, xType, y, yType, scales, zeroPoints, (run) => {
    runPerAxis(run, y.length, scales.length, inner);
  });
};

export const dequantizeLinearBlocked: Operations<void>["dequantizeLinearBlocked"] = (
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
  dequantize(x, xType, y, yType, scales, zeroPoints, (run) => {
    runBlocked(run, y.length, size, inner, block);
  });
};

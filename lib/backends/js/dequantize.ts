import type { ElementType, FloatArray, Operations, QuantizedArray } from "../../backend.js";
import { narrowInto, unpacked } from "./elements.js";
import { type Run, runBlocked, runPerAxis } from "./layouts.js";

function dequantize(
  x: QuantizedArray | Int32Array,
  xType: ElementType,
  y: FloatArray,
  yType: ElementType,
  work: (run: Run) => void,
): void {
  const values = unpacked(x, xType, y.length);
  narrowInto(y, yType, (floats) => {
    work((from, to, scale, zeroPoint) => {
      for (let i = from; i < to; i++) floats[i] = Math.fround(values[i]! - zeroPoint) * scale;
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
  dequantize(x, xType, y, yType, (run) => {
    run(0, y.length, scale, zeroPoint);
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
  dequantize(x, xType, y, yType, (run) => {
    runPerAxis(run, y.length, scales, zeroPoints, inner);
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
  dequantize(x, xType, y, yType, (run) => {
    runBlocked(run, y.length, scales, zeroPoints, size, inner, block);
  });
};

import type { Operations } from "../../backend.js";
import { roundHalfEven } from "../../quantize/round-half-even.js";

export const accumulateGram: Operations<void>["accumulateGram"] = (x, gram, columns) => {
  for (let from = 0; from < x.length; from += columns)
    for (let i = 0; i < columns; i++) {
      const left = x[from + i]!;
      const row = i * columns;
      for (let j = i; j < columns; j++) gram[row + j]! += left * x[from + j]!;
    }
  if (x.length === 0) return;
  for (let i = 0; i < columns; i++)
    for (let j = i; j < columns; j++) {
      const sum = gram[i * columns + j]!;
      if (Number.isNaN(sum)) gram[i * columns + j] = Number.NaN;
    }
};

export const reversedCholesky: Operations<void>["reversedCholesky"] = (a, n) => {
  for (let i = n - 1; i >= 0; i--) {
    const row = a.subarray(i * n, i * n + i + 1);
    const diagonal = Math.sqrt(row[i]!);
    for (let j = 0; j < i; j++) row[j]! /= diagonal;
    row[i] = diagonal;
    for (let k = 0; k < i; k++) {
      const factor = row[k]!;
      const from = k * n;
      for (let j = 0; j <= k; j++) a[from + j]! -= factor * row[j]!;
    }
  }
};

export const compensateRounding: Operations<void>["compensateRounding"] = (
  w,
  steps,
  m,
  order,
  scales,
  zeroPoints,
  block,
  min,
  max,
) => {
  const n = order.length;
  const blocks = Math.ceil(n / block);
  const errors = new Float64Array(n);
  for (let from = 0, output = 0; from < w.length; from += n, output++)
    for (let i = 0; i < n; i++) {
      let shift = 0;
      for (let j = 0; j < i; j++) shift += m[i * n + j]! * errors[j]!;
      const column = order[i]!;
      const at = output * blocks + Math.floor(column / block);
      const scale = scales[at]!;
      const zeroPoint = zeroPoints[at]!;
      const weight = w[from + column]!;
      const value = (weight + shift / m[i * n + i]!) / scale;
      const above = value > min - zeroPoint ? value : min - zeroPoint;
      const step = roundHalfEven(above < max - zeroPoint ? above : max - zeroPoint);
      steps[from + column] = step + zeroPoint;
      errors[i] = weight - step * scale;
    }
};

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
  for (let i = 0; i < columns; i++) settleNans(gram, i * columns + i, (i + 1) * columns);
};

export const accumulateProducts: Operations<void>["accumulateProducts"] = (x, y, products, columns) => {
  const outputs = products.length / columns;
  const rows = x.length / columns;
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < outputs; o++) {
      const left = y[r * outputs + o]!;
      for (let i = 0; i < columns; i++) products[o * columns + i]! += left * x[r * columns + i]!;
    }
  if (rows > 0) settleNans(products, 0, products.length);
};

function settleNans(sums: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i++) if (Number.isNaN(sums[i]!)) sums[i] = Number.NaN;
}

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
      const value = weight === 0 ? 0 : (weight + shift / m[i * n + i]!) / scale;
      const above = value > min - zeroPoint ? value : min - zeroPoint;
      const step = roundHalfEven(above < max - zeroPoint ? above : max - zeroPoint);
      steps[from + column] = step + zeroPoint;
      errors[i] = weight - step * scale;
    }
};

export const fitKept: Operations<void>["fitKept"] = (gram, products, kept, w, n) => {
  for (let from = 0; from < w.length; from += n) {
    const columns = Int32Array.from({ length: n }, (_, i) => i).filter((i) => kept[from + i] !== 0);
    const m = columns.length;
    const a = new Float64Array(m * m);
    for (let i = 0; i < m; i++)
      for (let j = 0; j <= i; j++) a[i * m + j] = gram[columns[j]! * n + columns[i]!]!;
    reversedCholesky(a, m);
    const b = Float64Array.from(columns, (column) => products[from + column]!);
    substitute(a, b);
    w.fill(0, from, from + n);
    for (let i = 0; i < m; i++) w[from + columns[i]!] = Number.isNaN(b[i]!) ? Number.NaN : b[i]!;
  }
};

/** b becomes the z with M^T z = b, then the w with M w = z. */
function substitute(factor: Float64Array, b: Float64Array): void {
  const m = b.length;
  for (let i = m - 1; i >= 0; i--) {
    const z = b[i]! / factor[i * m + i]!;
    b[i] = z;
    for (let j = 0; j < i; j++) b[j]! -= factor[i * m + j]! * z;
  }
  for (let i = 0; i < m; i++) {
    let value = b[i]!;
    for (let j = 0; j < i; j++) value -= factor[i * m + j]! * b[j]!;
    b[i] = value / factor[i * m + i]!;
  }
}

export const compensatePruning: Operations<void>["compensatePruning"] = (
  w,
  kept,
  pruned,
  costs,
  m,
  order,
  threshold,
  keep,
  of,
) => {
  const n = order.length;
  const limit = Math.fround(threshold);
  const errors = new Float64Array(n);
  const moved = (weight: number, i: number): number => {
    let shift = 0;
    for (let j = 0; j < i; j++) shift += m[i * n + j]! * errors[j]!;
    return weight + shift / m[i * n + i]!;
  };
  for (let from = 0; from < w.length; from += n)
    for (let group = 0; group < n; group += of) {
      for (let i = group; i < group + of; i++) {
        const at = from + order[i]!;
        const value = moved(w[at]!, i);
        const size = Math.fround(value * m[i * n + i]!);
        costs[at] = settled(size * size);
        pruned[at] = settled(value);
        errors[i] = w[at]! - value;
      }
      choose(costs, kept, from, order.subarray(group, group + of), limit, keep);
      for (let i = group; i < group + of; i++) {
        const at = from + order[i]!;
        if (i > group) {
          const value = moved(w[at]!, i);
          pruned[at] = settled(value);
          errors[i] = w[at]! - value;
        }
        if (kept[at] !== 0) continue;
        pruned[at] = 0;
        errors[i] = w[at]!;
      }
    }
};

function settled(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value;
}

/** Marks what goes of a group of columns. */
function choose(
  costs: Float32Array,
  kept: Uint8Array,
  from: number,
  columns: Int32Array,
  threshold: number,
  keep: number,
): void {
  const goes = Array.from(columns, (column, i) => {
    let more = 0;
    for (const [j, other] of columns.entries())
      if (j !== i && outlasts(costs, kept, from + other, from + column, j > i)) more++;
    return more >= keep || costs[from + column]! <= threshold;
  });
  for (const [i, column] of columns.entries()) if (goes[i]) kept[from + column] = 0;
}

/** Whether the weight at j goes after that at i. */
function outlasts(costs: Float32Array, kept: Uint8Array, j: number, i: number, isLater: boolean): boolean {
  if (kept[j] === 0 || kept[i] === 0) return kept[j] !== 0;
  return isLater ? !(costs[j]! < costs[i]!) : costs[j]! > costs[i]!;
}

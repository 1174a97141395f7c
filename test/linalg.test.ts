import { describe, expect, it, test } from "vitest";
import { backends } from "../lib/index.js";
import { accumulateGram } from "../lib/linalg/accumulate-gram.js";
import { compensateRounding, type RoundingGrid } from "../lib/linalg/compensate-rounding.js";
import { reversedCholesky } from "../lib/linalg/reversed-cholesky.js";
import { expectSame } from "./support/bytes.js";
import { randomTensor } from "./support/quantize-built.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

function uniform(length: number, seed: number, scale = 1): Float32Array {
  return randomTensor([length], seed, scale).data as Float32Array;
}

/** X^T X of rows that depend on each other, with something on the diagonal; the whole matrix. */
function positiveDefinite(n: number, seed: number): Float64Array {
  const gram = accumulateGram(uniform(2 * n * n, seed), new Float64Array(n * n), { backend: "js" });
  for (let i = 0; i < n; i++) {
    gram[i * n + i]! += 0.01 * n;
    for (let j = 0; j < i; j++) gram[i * n + j] = gram[j * n + i]!;
  }
  return gram;
}

function gridFor(outputs: number, columns: number, blockSize: number, seed: number): RoundingGrid {
  const count = outputs * Math.ceil(columns / blockSize);
  const next = randomIntegers(seed);
  return {
    scales: uniform(count, seed).map((v) => Math.abs(v) * 0.1 + 1e-3),
    zeroPoints: Int32Array.from({ length: count }, () => next() % 16),
    blockSize,
    min: 0,
    max: 15,
  };
}

describe.each(backends())("linear algebra on $name", (backend) => {
  it("adds the products of columns, row after row", () => {
    const gram = Float64Array.of(1, 0, 7, 0);
    accumulateGram(Float32Array.of(1, 2, 3, 4), gram, { backend });
    expect([...gram]).toEqual([1 + 1 + 9, 2 + 12, 7, 4 + 16]);
  });

  test.each([1, 2, 7, 8, 12, 13, 33])("equals js in the products of %d columns of any bits", (columns) => {
    for (const rows of [0, 1, 5, 257, 600]) {
      const x = randomBitPatterns(rows * columns, 3 + rows);
      const start = () => Float64Array.from({ length: columns * columns }, (_, i) => i / 3);
      expectSame(accumulateGram(x, start(), { backend }), accumulateGram(x, start(), { backend: "js" }));
      const mild = uniform(rows * columns, 5);
      const once = accumulateGram(mild, start(), { backend, threads: 3 });
      expectSame(once, accumulateGram(mild, start(), { backend: "js" }));
    }
  });

  test.each([1, 2, 5, 31, 64, 65, 130])(
    "factors %d variables so that M^T M is the matrix, as js does",
    (n) => {
      const a = positiveDefinite(n, n);
      const m = reversedCholesky(a.slice(), { backend });
      expectSame(m, reversedCholesky(a.slice(), { backend: "js" }));
      expectSame(m, reversedCholesky(a.slice(), { backend, threads: 3 }));
      let largest = 0;
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          let product = 0;
          for (let k = i; k < n; k++) product += m[k * n + i]! * m[k * n + j]!;
          largest = Math.max(largest, Math.abs(product - a[i * n + j]!));
        }
      expect(largest).toBeLessThan(1e-10 * n);
    },
  );

  it("refuses a matrix that is not positive definite", () => {
    expect(() => reversedCholesky(Float64Array.of(1, 0, 2, 1), { backend })).toThrow(RangeError);
    expect(() => reversedCholesky(new Float64Array(4), { backend })).toThrow(/positive definite/);
    expect(() => reversedCholesky(new Float64Array(3), { backend })).toThrow(/square/);
  });

  test.each([
    [1, 1, 1],
    [3, 5, 5],
    [16, 9, 4],
    [35, 24, 8],
    [50, 70, 32],
  ])("rounds %d outputs of %d columns in blocks of %d as js does", (outputs, columns, blockSize) => {
    const factor = reversedCholesky(positiveDefinite(columns, 9), { backend: "js" });
    const order = Int32Array.from({ length: columns }, (_, i) => columns - 1 - i);
    const grid = gridFor(outputs, columns, blockSize, 4);
    const rows = uniform(outputs * columns, 8);
    const js = compensateRounding(rows, { factor, order, grid, backend: "js" });
    if (js.length > 1) expect(js.some((step) => step > 0 && step < 15)).toBe(true);
    for (const threads of [1, 3])
      expectSame(compensateRounding(rows, { factor, order, grid, backend, threads }), js);
    const bits = randomBitPatterns(rows.length, 6).map((value, i) => (i % 3 === 0 ? 0 : value));
    expectSame(
      compensateRounding(bits, { factor, order, grid, backend }),
      compensateRounding(bits, { factor, order, grid, backend: "js" }),
    );
  });

  it("rounds to nearest, ties to even, where columns have nothing to do with each other", () => {
    const factor = Float64Array.of(1, 0, 0, 1);
    const grid = { scales: Float32Array.of(1, 0.5), zeroPoints: Int32Array.of(0, 0), min: -127, max: 127 };
    const rows = Float32Array.of(2.5, -300, 0.75, Number.NaN);
    const steps = compensateRounding(rows, { factor, order: Int32Array.of(0, 1), grid, backend });
    expectSame(steps, Int8Array.of(2, -127, 2, -127));
  });

  it("leaves what is 0 at the zero point, whatever the columns before it ask", () => {
    const factor = reversedCholesky(Float64Array.of(1.0001, 1, 1, 1.0001), { backend });
    const grid = { scales: Float32Array.of(1, 1), zeroPoints: Int32Array.of(0, 7), min: 0, max: 15 };
    const options = { factor, order: Int32Array.of(0, 1), grid, backend };
    expectSame(compensateRounding(Float32Array.of(1.4, 0, 1.4, -0), options), Uint8Array.of(1, 0, 8, 7));
    expectSame(compensateRounding(Float32Array.of(1.4, 0.2, 1.4, 0.2), options), Uint8Array.of(1, 1, 8, 8));
  });

  it("moves the second of two equal inputs by what the first was rounded", () => {
    // Both read the same value: 0.4 + 0.4 is nearer to 1 than to 0.
    const factor = reversedCholesky(Float64Array.of(1.0001, 1, 1, 1.0001), { backend });
    const grid = { scales: Float32Array.of(1), zeroPoints: Int32Array.of(0), min: -127, max: 127 };
    const options = { factor, order: Int32Array.of(0, 1), grid, backend };
    expectSame(compensateRounding(Float32Array.of(0.4, 0.4), options), Int8Array.of(0, 1));
  });
});

test.each<[string, RoundingGrid | undefined, RegExp]>([
  [
    "too few scales",
    { scales: new Float32Array(1), zeroPoints: new Int32Array(1), min: 0, max: 15 },
    /scales/,
  ],
  ["a range of 9 bits", { ...gridFor(2, 2, 2, 1), min: -1, max: 255 }, /int8 or uint8/],
  ["blocks wider than a row", { ...gridFor(2, 2, 2, 1), blockSize: 3 }, /blockSize/],
])("compensateRounding refuses %s", (_, grid, message) => {
  const options = { factor: new Float64Array(4), order: new Int32Array(2), grid: grid! };
  expect(() => compensateRounding(new Float32Array(4), options)).toThrow(message);
  expect(() => compensateRounding(new Float32Array(4), options)).toThrow(RangeError);
});

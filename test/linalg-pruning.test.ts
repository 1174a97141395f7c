import { describe, expect, it, test } from "vitest";
import { backends } from "../lib/index.js";
import { accumulateGram } from "../lib/linalg/accumulate-gram.js";
import { accumulateProducts } from "../lib/linalg/accumulate-products.js";
import { compensatePruning } from "../lib/linalg/compensate-pruning.js";
import { fitKept } from "../lib/linalg/fit-kept.js";
import { reversedCholesky } from "../lib/linalg/reversed-cholesky.js";
import { expectSame } from "./support/bytes.js";
import { randomTensor } from "./support/quantize-built.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

function uniform(length: number, seed: number): Float32Array {
  return randomTensor([length], seed).data as Float32Array;
}

/** X^T X + damping, whole: both triangles. */
function gramOf(x: Float32Array, n: number, damping: number): Float64Array {
  const gram = accumulateGram(x, new Float64Array(n * n), { backend: "js" });
  for (let i = 0; i < n; i++) {
    gram[i * n + i]! += damping;
    for (let j = 0; j < i; j++) gram[i * n + j] = gram[j * n + i]!;
  }
  return gram;
}

/** `outputs` masks of `n` columns of which about half are kept. */
function randomMask(outputs: number, n: number, seed: number): Uint8Array {
  const next = randomIntegers(seed);
  return Uint8Array.from({ length: outputs * n }, () => (next() >> 5) & 1);
}

const reversed = (n: number) => Int32Array.from({ length: n }, (_, i) => n - 1 - i);

describe.each(backends())("pruning on $name", (backend) => {
  it("adds the products of two lists of columns, row after row", () => {
    const products = Float64Array.of(1, 0, 0, 0, 0, 0);
    accumulateProducts(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 0, -1, 5, 6, 7), products, 2, {
      backend,
    });
    expect([...products]).toEqual([1 + 1 + 15, 2 + 20, 18, 24, -1 + 21, -2 + 28]);
  });

  test.each([
    [1, 1],
    [3, 9],
    [8, 4],
    [13, 7],
    [40, 18],
  ])("equals js in the products of %d columns with %d of any bits", (columns, outputs) => {
    for (const rows of [0, 1, 5, 257, 600]) {
      const [x, y] = [randomBitPatterns(rows * columns, rows), randomBitPatterns(rows * outputs, 7)];
      const start = () => Float64Array.from({ length: columns * outputs }, (_, i) => i / 3);
      expectSame(
        accumulateProducts(x, y, start(), columns, { backend }),
        accumulateProducts(x, y, start(), columns, { backend: "js" }),
      );
      const [a, b] = [uniform(rows * columns, 5), uniform(rows * outputs, 6)];
      expectSame(
        accumulateProducts(a, b, start(), columns, { backend, threads: 3 }),
        accumulateProducts(a, b, start(), columns, { backend: "js" }),
      );
    }
  });

  it("solves two unknowns as Cramer's rule does, and one where the other is not kept", () => {
    const gram = Float64Array.of(2, 1, Number.NaN, 3);
    const products = Float64Array.of(1, 2, 1, 2, 1, 2, 1, 2);
    const kept = Uint8Array.of(1, 1, 1, 0, 0, 1, 0, 0);
    const w = fitKept({ gram, products, kept, backend });
    const expected = [(3 * 1 - 1 * 2) / 5, (2 * 2 - 1 * 1) / 5, 1 / 2, 0, 0, 2 / 3, 0, 0];
    for (const [i, value] of expected.entries()) expect(w[i]).toBeCloseTo(value, 6);
    expectSame(
      w.filter((_, i) => kept[i] === 0),
      new Float32Array(4),
    );
  });

  test.each([1, 2, 15, 16, 17, 40, 67])("fits %d columns so that no kept weight can do better", (n) => {
    const outputs = 21;
    const rows = 3 * n;
    const [x, y] = [uniform(rows * n, n), uniform(rows * outputs, n + 1)];
    const gram = gramOf(x, n, 1e-6);
    const products = accumulateProducts(x, y, new Float64Array(outputs * n), n, { backend: "js" });
    const kept = randomMask(outputs, n, n + 2);
    // Rows that keep the same as the row before share its factor.
    kept.copyWithin(3 * n, 2 * n, 3 * n);
    const w = fitKept({ gram, products, kept, backend });
    expectSame(w, fitKept({ gram, products, kept, backend: "js" }));
    expectSame(w, fitKept({ gram, products, kept, backend, threads: 3 }));
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < n; i++) {
        if (kept[o * n + i] === 0) {
          expect(Object.is(w[o * n + i], 0)).toBe(true);
          continue;
        }
        // The gradient of |x w - y|^2: what is left of y has nothing in common with a column in use.
        let gradient = -products[o * n + i]!;
        for (let j = 0; j < n; j++) gradient += gram[i * n + j]! * w[o * n + j]!;
        expect(Math.abs(gradient)).toBeLessThan(1e-5 * rows);
      }
  });

  it("refuses to fit what has no solution", () => {
    const singular = { gram: new Float64Array(4), products: new Float64Array(2), kept: Uint8Array.of(1, 1) };
    expect(() => fitKept({ ...singular, backend })).toThrow(/positive definite/);
    expect(() => fitKept({ ...singular, gram: new Float64Array(3), backend })).toThrow(/square/);
    expect(() => fitKept({ ...singular, kept: new Uint8Array(1), backend })).toThrow(/kept/);
    expect(() => fitKept({ ...singular, out: new Float32Array(1), backend })).toThrow(/out/);
  });

  test.each([
    [1, 1, 1, 1],
    [5, 6, 1, 1],
    [37, 24, 2, 4],
    [16, 40, 3, 8],
  ])("prunes %d outputs of %d columns, %d of %d, as js does", (outputs, n, keep, of) => {
    const factor = reversedCholesky(gramOf(uniform(2 * n * n, 9), n, 0.1), { backend: "js" });
    const order = reversed(n);
    for (const rows of [uniform(outputs * n, 4), randomBitPatterns(outputs * n, 6)])
      for (const threshold of [-1, 0.02]) {
        const kept = randomMask(outputs, n, 3).map((bit, i) => bit | Number(i % 3 > 0));
        const options = { factor, order, kept, threshold, keep, of };
        const js = compensatePruning(rows, { ...options, backend: "js" });
        for (const threads of [1, 3]) {
          const ours = compensatePruning(rows, { ...options, backend, threads });
          expectSame(ours.kept, js.kept);
          expectSame(ours.costs, js.costs);
          expectSame(ours.pruned, js.pruned);
        }
        for (let group = 0; group < rows.length; group += of) {
          const row = group - (group % n);
          const columns = order.subarray(group % n, (group % n) + of);
          expect([...columns].filter((column) => js.kept[row + column] !== 0).length).toBeLessThanOrEqual(
            keep,
          );
        }
        for (const [i, value] of js.pruned.entries())
          if (js.kept[i] === 0) expect(Object.is(value, 0)).toBe(true);
          else expect(js.costs[i]! <= threshold).toBe(false);
      }
  });

  it("gives what a pruned weight did to the input that is as good", () => {
    // Both inputs are the same, so the second weight takes over all of the first.
    const factor = reversedCholesky(Float64Array.of(1 + 1e-9, 1, 1, 1 + 1e-9), { backend });
    const options = { factor, order: Int32Array.of(0, 1), kept: Uint8Array.of(0, 1), backend };
    const { pruned, costs } = compensatePruning(Float32Array.of(0.25, 0.5), options);
    expectSame(pruned, Float32Array.of(0, 0.75));
    expect(costs[0]).toBeLessThan(1e-8);
    expect(costs[1]).toBeCloseTo(0.75 ** 2, 5);
  });

  it("prunes what costs least where columns have nothing to do with each other: the smallest |w x|", () => {
    const factor = Float64Array.of(3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1);
    const rows = Float32Array.of(1, 2, 0.5, -4, -1, 1, 1, 3);
    const order = Int32Array.of(0, 1, 2, 3);
    const { pruned } = compensatePruning(rows, { factor, order, keep: 2, of: 4, backend });
    expectSame(pruned, Float32Array.of(1, 0, 0, -4, -1, 0, 0, 3));
    const { pruned: above } = compensatePruning(rows, { factor, order, threshold: 4, backend });
    expectSame(above, Float32Array.of(1, 0, 0, -4, -1, 0, 0, 3));
  });
});

test("compensatePruning refuses groups that do not fit, and lengths that do not", () => {
  const options = { factor: new Float64Array(4), order: Int32Array.of(0, 1) };
  expect(() => compensatePruning(new Float32Array(4), { ...options, of: 3 })).toThrow(/divisor/);
  expect(() => compensatePruning(new Float32Array(4), { ...options, keep: 2 })).toThrow(/keep/);
  expect(() => compensatePruning(new Float32Array(3), options)).toThrow(/rows/);
  expect(() => compensatePruning(new Float32Array(4), { ...options, kept: new Uint8Array(2) })).toThrow(
    /kept/,
  );
});

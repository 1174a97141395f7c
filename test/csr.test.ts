import { describe, expect, it, test } from "vitest";
import { backends, type Csr, fromCsr, toCsr } from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

function sparse(length: number, rarity: number): Float32Array {
  const next = randomIntegers(length + rarity);
  return randomBitPatterns(length, length).map((value) => (next() % rarity === 0 ? value : 0));
}

/** As scipy.sparse.csr_matrix, but for -0. */
function byRows(x: Float32Array, columns: number) {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const indptr = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < x.length / columns; row++) {
    for (let column = 0; column < columns; column++) {
      const own = bits[row * columns + column]!;
      if (own === 0) continue;
      indices.push(column);
      values.push(own);
    }
    indptr.push(indices.length);
  }
  return { indptr, indices, values };
}

describe.each(backends())("compressed sparse rows on $name", (backend) => {
  it("keep -0 and NaN", () => {
    const x = Float32Array.of(0, 1, 0, 0, 0, 0, -0, NaN, 2);
    const csr = toCsr(x, { shape: [3, 3], backend });
    expect(csr).toEqual({
      values: Float32Array.of(1, -0, NaN, 2),
      indices: Int32Array.of(1, 0, 1, 2),
      indptr: Int32Array.of(0, 1, 1, 4),
    });
    expect(fromCsr(csr, { shape: [3, 3], backend })).toEqual(x);
  });

  test.each([
    [1, 1, 1],
    [9, 5, 2],
    [40, 8, 1],
    [70, 33, 3],
    [300, 257, 10],
    [5, 40_000, 50],
    [1000, 100, 1000],
  ])("of [%d, %d], one value in %d, are those of scipy and come back", (rows, columns, rarity) => {
    const x = sparse(rows * columns, rarity);
    const expected = byRows(x, columns);
    for (const threads of [1, 3]) {
      const csr = toCsr(x, { shape: [rows, columns], backend, threads });
      expect(Array.from(csr.indptr)).toEqual(expected.indptr);
      expect(Array.from(csr.indices)).toEqual(expected.indices);
      expect(Array.from(new Uint32Array(csr.values.buffer))).toEqual(expected.values);
      const guarded = new Float32Array(x.length + 6).fill(99);
      const out = guarded.subarray(2, 2 + x.length);
      expect(fromCsr(csr, { shape: [rows, columns], out, backend, threads })).toBe(out);
      expect(Buffer.compare(bytesOf(out), bytesOf(x))).toBe(0);
      expect([...guarded.subarray(0, 2), ...guarded.subarray(-4)]).toEqual(Array(6).fill(99));
    }
  });

  test.each<[string, number[]]>([
    ["beyond the matrix", [0, 4, 1]],
    ["before it", [-1, 2, 1]],
    ["twice", [2, 2, 1]],
    ["that fall", [2, 0, 1]],
  ])("with columns %s are refused before anything is written", (_, columns) => {
    const out = new Float32Array(12).fill(5);
    const csr = {
      values: Float32Array.of(1, 2, 3),
      indices: Int32Array.from(columns),
      indptr: Int32Array.of(0, 0, 2, 3),
    };
    expect(() => fromCsr(csr, { shape: [3, 4], out, backend })).toThrow(
      /rise within 0\.\.3 for row 1 of indices/,
    );
    expect(out).toEqual(new Float32Array(12).fill(5));
  });

  it("of nothing have offsets for their rows", () => {
    for (const shape of [
      [0, 3],
      [3, 0],
    ] as const) {
      const csr = toCsr(new Float32Array(0), { shape, backend });
      expect(csr.indptr).toEqual(new Int32Array(shape[0] + 1));
      expect(fromCsr(csr, { shape, backend })).toHaveLength(0);
    }
  });
});

describe("fromCsr", () => {
  const csr = { values: Float32Array.of(1, 2), indices: Int32Array.of(0, 1), indptr: Int32Array.of(0, 1, 2) };
  test.each<[string, Partial<Record<keyof Csr, unknown>>, readonly number[], RegExp]>([
    ["a vector", {}, [4], /\[rows, columns\] for shape/],
    ["fewer offsets than rows", {}, [3, 2], /4 offsets/],
    ["offsets that do not begin with 0", { indptr: Int32Array.of(1, 1, 2) }, [2, 2], /rise from 0 to 2/],
    ["offsets that fall", { indptr: Int32Array.of(0, 3, 2) }, [2, 2], /rise from 0 to 2/],
    ["offsets that end before", { indptr: Int32Array.of(0, 1, 1) }, [2, 2], /rise from 0 to 2/],
    ["fewer columns than values", { indices: Int32Array.of(0) }, [2, 2], /2 columns/],
    ["columns of another type", { indices: [0, 1] }, [2, 2], /Int32Array for indices/],
    ["values of another type", { values: [1, 2] }, [2, 2], /Float32Array for values/],
  ])("refuses %s", (_, parts, shape, message) => {
    expect(() => fromCsr({ ...csr, ...parts } as Csr, { shape: shape as [number, number] })).toThrow(message);
  });

  it("refuses an out of another length, and toCsr a shape that is none", () => {
    expect(() => fromCsr(csr, { shape: [2, 2], out: new Float32Array(3) })).toThrow(/length 4 for out/);
    expect(() => toCsr(new Float32Array(4), { shape: [4] as never })).toThrow(/\[rows, columns\]/);
    expect(() => toCsr(new Float32Array(4), { shape: [2, 3] })).toThrow(/shape/);
  });
});

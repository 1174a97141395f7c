import { describe, expect, it, test } from "vitest";
import { backends, summarize } from "../lib/index.js";
import type { TypedArray } from "../lib/tensor.js";
import { randomBitPatterns } from "./support/random.js";

const TYPES = [
  Float32Array,
  Float64Array,
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];

/** Any bits, with zeros of both signs and, in the ends, what is largest and smallest. */
function anyValues(type: (typeof TYPES)[number], length: number, seed: number): TypedArray {
  const bits = randomBitPatterns(2 * length, seed).buffer as ArrayBuffer;
  const x = new type(bits, 0, length) as TypedArray;
  for (let i = seed % 3; i < length; i += 3) x[i] = (typeof x[i] === "bigint" ? 0n : -0) as never;
  return x;
}

describe.each(backends())("summarize on $name", (backend) => {
  test.each([
    ["both ends and zeros", [3, -1, 0, -0, 2], { min: -1, max: 3, zeros: 2, nans: 0 }],
    ["NaN counted and left out", [NaN, 2, NaN, 1], { min: 1, max: 2, zeros: 0, nans: 2 }],
    ["nothing but NaN", [NaN, NaN], { min: NaN, max: NaN, zeros: 0, nans: 2 }],
    ["infinities", [-Infinity, Infinity], { min: -Infinity, max: Infinity, zeros: 0, nans: 0 }],
    ["a range of -0 is +0", [-0, NaN], { min: 0, max: 0, zeros: 1, nans: 1 }],
    ["denormals, which are no zeros", [1e-45], { min: 2 ** -149, max: 2 ** -149, zeros: 0, nans: 0 }],
  ])("%s", (_, values, expected) => {
    expect(summarize(Float32Array.from(values), { backend })).toEqual(expected);
  });

  test.each(TYPES)("%o: equals js on any bits, at every length 1..70 and offset 0..2", (type) => {
    for (let length = 1; length <= 70; length++)
      for (let offset = 0; offset < Math.min(length, 3); offset++) {
        const x = anyValues(type, length, length + offset).subarray(offset);
        expect(summarize(x, { backend })).toEqual(summarize(x, { backend: "js" }));
      }
  });

  it("finds the ends of every integer type, and counts past vectors", () => {
    for (const x of [Int8Array.of(-128, 127), Uint32Array.of(0, 2 ** 32 - 1), Int16Array.of(-32768, 32767)])
      expect(summarize(x, { backend })).toMatchObject({ min: x[0], max: x[1] });
    const wide = BigUint64Array.of(2n ** 64n - 1n, 1n);
    expect(summarize(wide, { backend })).toEqual({ min: 1n, max: 2n ** 64n - 1n, zeros: 0, nans: 0 });
    const x = new Float32Array(100_003).fill(NaN, 50_000, 50_017);
    expect(summarize(x, { backend })).toEqual({ min: 0, max: 0, zeros: 100_003 - 17, nans: 17 });
  });
});

test.each([
  ["no values", new Float32Array(0), RangeError],
  ["a DataView", new DataView(new ArrayBuffer(8)), TypeError],
  ["a list", [1, 2], TypeError],
])("summarize refuses %s", (_, x, error) => {
  expect(() => summarize(x as never)).toThrow(error);
});

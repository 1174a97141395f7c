import { describe, expect, it, test } from "vitest";
import { backends, type PruneNMOptions, pruneNM } from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns } from "./support/random.js";

/** The rule itself, by sorting: the largest stay, of equals those further on. */
function prunedBySorting(
  x: Float32Array,
  keep: number,
  of: number,
  size: number,
  inner: number,
): Float32Array {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const y = x.slice();
  for (let i = 0; i < x.length; i++) {
    if ((Math.floor(i / inner) % size) % of !== 0) continue;
    const group = Array.from({ length: of }, (_, k) => i + k * inner);
    group.sort((a, b) => (bits[b]! & 0x7fffffff) - (bits[a]! & 0x7fffffff) || b - a);
    for (const at of group.slice(keep)) y[at] = 0;
  }
  return y;
}

function expectEqual(actual: Float32Array, expected: Float32Array): void {
  expect(Buffer.compare(bytesOf(actual), bytesOf(expected))).toBe(0);
}

describe.each(backends())("pruneNM on $name", (backend) => {
  test.each([
    [2, 4],
    [1, 4],
    [4, 8],
    [1, 2],
    [3, 5],
    [7, 16],
    [20, 32],
    [0, 4],
    [4, 4],
  ])("keeps %d of %d as sorting does, along every axis", (keep, of) => {
    const shape = [3, of * 2, 19, of];
    const length = 3 * of * 2 * 19 * of;
    for (const x of [
      randomBitPatterns(length, of),
      randomBitPatterns(length, 9).map((_, i) => (i * 7) % 3),
    ]) {
      const along = (axis: number) => pruneNM(x, { keep, of, shape, axis, backend });
      expectEqual(along(1), prunedBySorting(x, keep, of, of * 2, 19 * of));
      expectEqual(along(-1), prunedBySorting(x, keep, of, of, 1));
      expectEqual(pruneNM(x, { keep, of, backend }), prunedBySorting(x, keep, of, length, 1));
    }
  });

  it("works in place and into a part of an array", () => {
    const x = randomBitPatterns(4 * 99, 3);
    const expected = prunedBySorting(x, 2, 4, x.length, 1);
    const guarded = new Float32Array(x.length + 9).fill(99);
    const out = guarded.subarray(5, 5 + x.length);
    expect(pruneNM(x, { keep: 2, of: 4, out, backend })).toBe(out);
    expectEqual(out, expected);
    expect([...guarded.subarray(0, 5), ...guarded.subarray(5 + x.length)]).toEqual(Array(9).fill(99));
    expect(pruneNM(x, { keep: 2, of: 4, out: x, backend })).toBe(x);
    expectEqual(x, expected);
  });

  it("writes large results with the same bits", () => {
    const block = randomBitPatterns(4 * 4001, 4);
    const x = new Float32Array(block.length * 525);
    for (let i = 0; i < x.length; i += block.length) x.set(block, i);
    const once = prunedBySorting(block, 2, 4, block.length, 1);
    const y = pruneNM(x, { keep: 2, of: 4, backend });
    for (let i = 0; i < x.length; i += block.length) expectEqual(y.subarray(i, i + block.length), once);
  });
});

describe("pruneNM", () => {
  const x = new Float32Array(24);
  const cases: [string, unknown, Record<string, unknown>, RegExp][] = [
    ["another type", new Float64Array(4), {}, /Float32Array for x/],
    ["groups of one", x, { of: 1 }, /2\.\.64 for of/],
    ["groups of 65", x, { of: 65 }, /2\.\.64 for of/],
    ["to keep more than there are", x, { keep: 5 }, /0\.\.4 for keep/],
    ["to keep a half", x, { keep: 0.5 }, /keep/],
    ["text", x, { keep: "2" }, /keep/],
    ["an axis that is no whole number of groups", x, { shape: [4, 6] }, /multiple of 4 for axis .*size 6/],
    ["an axis that is not there", x, { shape: [4, 6], axis: 2 }, /axis/],
    ["a shape of another length", x, { shape: [5, 4] }, /shape/],
    ["out of another length", x, { out: new Float32Array(4) }, /length 24 for out/],
    ["out that overlaps in part", x.subarray(0, 16), { out: x.subarray(8, 24) }, /out/],
  ];
  test.each(cases)("refuses %s", (_, input, options, message) => {
    const all = { keep: 2, of: 4, ...options } as unknown as PruneNMOptions;
    expect(() => pruneNM(input as Float32Array, all)).toThrow(message);
  });

  it("has nothing to do for nothing", () => {
    expect(pruneNM(new Float32Array(0), { keep: 2, of: 4, shape: [3, 0] })).toEqual(new Float32Array(0));
  });
});

import { describe, expect, it, test } from "vitest";
import { backends, channelNorms, type PruneBlocksOptions, pruneBlocks } from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

/** The rule itself: blocks sorted by the mean of their sums, which are those of channelNorms row by row. */
function prunedBySorting(
  x: Float32Array,
  [rows, columns]: readonly [number, number],
  [height, width]: readonly [number, number],
  k: number,
  norm: "l1" | "l2",
): Float32Array {
  const blocks: { mean: number; parts: Float32Array[] }[] = [];
  const y = x.slice();
  for (let top = 0; top < rows; top += height)
    for (let left = 0; left < columns; left += width) {
      let [sum, count] = [0, 0];
      const parts: Float32Array[] = [];
      for (let row = top; row < Math.min(rows, top + height); row++) {
        const part = y.subarray(row * columns + left, row * columns + Math.min(columns, left + width));
        sum += norm === "l1" ? channelNorms(part, { norm, backend: "js" })[0]! : squares(part);
        count += part.length;
        parts.push(part);
      }
      blocks.push({ mean: sum / count, parts });
    }
  const order = (value: number) => (Number.isNaN(value) ? [1, 0] : [0, value]);
  blocks.sort((a, b) => {
    const [[p, v], [q, w]] = [order(a.mean), order(b.mean)];
    return p! - q! || (v! < w! ? -1 : v! > w! ? 1 : 0);
  });
  for (const { parts } of blocks.slice(0, k)) for (const part of parts) part.fill(0);
  return y;
}

/** In the order of the contract: 16 sums in turn, then halves. */
function squares(x: Float32Array): number {
  let sums = Array<number>(16).fill(0);
  x.forEach((value, i) => {
    sums[i % 16]! += value * value;
  });
  while (sums.length > 1) {
    const half = sums.length / 2;
    sums = sums.slice(0, half).map((value, i) => value + sums[i + half]!);
  }
  return sums[0]!;
}

function expectEqual(actual: Float32Array, expected: Float32Array): void {
  expect(Buffer.compare(bytesOf(actual), bytesOf(expected))).toBe(0);
}

const next = randomIntegers(8);
const floats = (length: number) => Float32Array.from({ length }, () => (next() % 20_001) / 10_000 - 1);

describe.each(backends())("pruneBlocks on $name", (backend) => {
  it("removes the blocks of the smallest mean, of equals the first, edges no sooner than others", () => {
    const x = Float32Array.of(1, 1, 2, 2, 1, 1, 1, 2, 2, 1, 3, 3, 3, 3, 1);
    const prune = (sparsity: number) =>
      [...pruneBlocks(x, { shape: [3, 5], block: [2, 2], sparsity, backend })].join("");
    expect(prune(0)).toBe("112211122133331");
    expect(prune(1 / 6)).toBe("002210022133331");
    expect(prune(2 / 6)).toBe("002200022033331");
    expect(prune(3 / 6)).toBe("002200022033330");
    expect(prune(1)).toBe("000000000000000");
  });

  test.each<[shape: [number, number], block: [number, number]]>([
    [
      [37, 61],
      [1, 1],
    ],
    [
      [37, 61],
      [4, 4],
    ],
    [
      [40, 64],
      [2, 16],
    ],
    [
      [64, 300],
      [8, 17],
    ],
    [
      [301, 7],
      [100, 3],
    ],
    [
      [5, 300],
      [9, 400],
    ],
    [
      [200, 512],
      [16, 16],
    ],
  ])("of a matrix %j in blocks of %j equals sorting, for both norms and any threads", (shape, block) => {
    const [rows, columns] = shape;
    for (const x of [floats(rows * columns), randomBitPatterns(rows * columns, rows)])
      for (const norm of ["l1", "l2"] as const)
        for (const sparsity of [0.3, 0.85]) {
          const blocks = Math.ceil(rows / block[0]) * Math.ceil(columns / block[1]);
          const expected = prunedBySorting(x, shape, block, Math.round(sparsity * blocks), norm);
          for (const threads of [1, 2])
            expectEqual(pruneBlocks(x, { shape, block, sparsity, norm, backend, threads }), expected);
        }
  });

  it("works in place, into a part of an array, and on all axes after the first", () => {
    const x = floats(8 * 6 * 3);
    const options = { shape: [8, 6, 3], block: [2, 9] as const, sparsity: 0.5, backend };
    const expected = prunedBySorting(x, [8, 18], [2, 9], 4, "l1");
    const guarded = new Float32Array(x.length + 9).fill(99);
    const out = guarded.subarray(4, 4 + x.length);
    expect(pruneBlocks(x, { ...options, out })).toBe(out);
    expectEqual(out, expected);
    expect([...guarded.subarray(0, 4), ...guarded.subarray(-5)]).toEqual(Array(9).fill(99));
    expect(pruneBlocks(x, { ...options, out: x })).toBe(x);
    expectEqual(x, expected);
  });
});

describe("pruneBlocks", () => {
  const x = new Float32Array(24);
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["one axis", { shape: [24] }, /two sizes for shape/],
    ["a shape of another length", { shape: [5, 5] }, /shape/],
    ["no block", { block: undefined }, /block/],
    ["a block of no rows", { block: [0, 2] }, /two whole sizes from 1 for block/],
    ["a block of three sides", { block: [1, 2, 3] }, /block/],
    ["a sparsity above 1", { sparsity: 2 }, /sparsity/],
    ["another norm", { norm: "max" }, /l1 or l2 for norm/],
    ["out that overlaps in part", { out: new Float32Array(x.buffer, 0, 23) }, /out/],
  ])("refuses %s", (_, options, message) => {
    const all = { shape: [4, 6], block: [2, 2], sparsity: 0.5, ...options } as unknown as PruneBlocksOptions;
    expect(() => pruneBlocks(x, all)).toThrow(message);
  });

  it("has nothing to do for nothing", () => {
    for (const shape of [
      [0, 3],
      [3, 0],
    ])
      expect(pruneBlocks(new Float32Array(0), { shape, block: [2, 2], sparsity: 1 })).toHaveLength(0);
  });
});

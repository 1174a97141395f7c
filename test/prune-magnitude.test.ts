import fc from "fast-check";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { backends, magnitudeThreshold, type PruneMagnitudeOptions, pruneMagnitude } from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

/** The rule itself: sorts the bits without the sign; of equals the first goes first. */
function prunedBySorting(arrays: readonly Float32Array[], k: number) {
  const all = arrays.flatMap((array, a) =>
    Array.from(new Uint32Array(array.buffer, array.byteOffset, array.length), (bits, i) => ({
      magnitude: bits & 0x7fffffff,
      array: a,
      i,
    })),
  );
  all.sort((p, q) => p.magnitude - q.magnitude);
  const results = arrays.map((array) => array.slice());
  for (const { array, i } of all.slice(0, k)) results[array]![i] = 0;
  const last = Float32Array.from([0]);
  if (k > 0) new Uint32Array(last.buffer)[0] = all[k - 1]!.magnitude;
  return { threshold: last[0]!, results };
}

/** Equal to the bit; without the diff of a million elements where they are not. */
function expectEqual(actual: Float32Array, expected: Float32Array): void {
  expect(Buffer.compare(bytesOf(actual), bytesOf(expected))).toBe(0);
}

const LENGTH = 70_001;
const next = randomIntegers(5);
const uniform = Float32Array.from({ length: LENGTH }, () => (next() % 2_000_003) / 1_000_001 - 1);
const DISTRIBUTIONS: Record<string, Float32Array> = {
  uniform,
  "any bits, NaN too": randomBitPatterns(LENGTH, 6),
  "all equal": new Float32Array(LENGTH).fill(-0.25),
  "mostly zeros of both signs": uniform.map((v, i) => (i % 10 === 0 ? v : i % 2 === 0 ? 0 : -0)),
  "three values": uniform.map((v) => Math.round(v * 1.4)),
  rising: uniform.toSorted((a, b) => Math.abs(a) - Math.abs(b)),
  "subnormal beside huge": uniform.map((v, i) => v * (i % 2 === 0 ? 2 ** -140 : 2 ** 120)),
  "two narrow bands far apart": uniform.map((v, i) => (i % 1000 === 7 ? 1e10 + v : 1 + v * 1e-6)),
};

describe.each(backends())("pruning by magnitude on $name", (backend) => {
  describe.each(Object.entries(DISTRIBUTIONS))("%s", (_, x) => {
    test.each([0, 1e-5, 0.3, 0.5, 0.9, 0.99999, 1])("sparsity %d equals sorting", (sparsity) => {
      const { threshold, results } = prunedBySorting([x], Math.round(sparsity * x.length));
      expect(magnitudeThreshold(x, sparsity, { backend })).toBe(threshold);
      expectEqual(pruneMagnitude(x, { sparsity, backend }), results[0]!);
    });
  });

  it("takes several arrays as one, also empty ones", () => {
    const arrays = [
      uniform.slice(0, 5),
      new Float32Array(0),
      uniform.slice(5, 3000),
      uniform.slice(3000, 3001),
    ];
    for (const sparsity of [0, 0.0003, 0.5, 0.9999, 1]) {
      const { threshold, results } = prunedBySorting(arrays, Math.round(sparsity * 3001));
      expect(magnitudeThreshold(arrays, sparsity, { backend })).toBe(threshold);
      const pruned = pruneMagnitude(arrays, { sparsity, backend });
      expectTypeOf(pruned).toEqualTypeOf<Float32Array[]>();
      expect(pruned).toEqual(results);
    }
  });

  it("takes equals in the order of the arrays, whatever the threads", () => {
    const a = new Float32Array(100_003).fill(1);
    const b = new Float32Array(100_003).fill(-1);
    a[7] = 0.5;
    for (const threads of [1, 2, 3]) {
      const [first, second] = pruneMagnitude([a, b], { sparsity: 0.75, backend, threads });
      expect(first!.every((value) => Object.is(value, 0))).toBe(true);
      const k = Math.round(0.75 * 200_006) - 100_003;
      expect(second!.findIndex((value) => value !== 0)).toBe(k);
      expect(second!.subarray(k).every((value) => value === -1)).toBe(true);
    }
  });

  it("gives any length what sorting gives", () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 150 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (x, sparsity) => {
          const { threshold, results } = prunedBySorting([x], Math.round(sparsity * x.length));
          expect(magnitudeThreshold(x, sparsity, { backend })).toBe(threshold);
          expectEqual(pruneMagnitude(x, { sparsity, backend }), results[0]!);
        },
      ),
    );
  });

  it("zeroes every magnitude up to a threshold, which float32 need not hold", () => {
    const x = Float32Array.of(0.1, -0.1, 0.2, NaN, -0, Infinity, -0.3);
    const prune = (threshold: number) => [...pruneMagnitude(x, { threshold, backend })];
    expect(prune(0.1)).toEqual([0.1, -0.1, 0.2, NaN, 0, Infinity, -0.3].map(Math.fround)); // float32(0.1) > 0.1
    expect(prune(Math.fround(0.1))).toEqual([0, 0, 0.2, NaN, 0, Infinity, -0.3].map(Math.fround));
    expect(prune(0)).toEqual([0.1, -0.1, 0.2, NaN, 0, Infinity, -0.3].map(Math.fround));
    expect(prune(Infinity)).toEqual([0, 0, 0, NaN, 0, 0, 0]);
  });

  it("works in place and into a part of an array", () => {
    const { results } = prunedBySorting([uniform], 35_001);
    const guarded = new Float32Array(LENGTH + 20).fill(99);
    const out = guarded.subarray(3, 3 + LENGTH);
    expect(pruneMagnitude(uniform, { sparsity: 0.5, out, backend })).toBe(out);
    expectEqual(out, results[0]!);
    expect([...guarded.subarray(0, 3), ...guarded.subarray(3 + LENGTH)]).toEqual(Array(20).fill(99));
    const own = uniform.slice();
    expect(pruneMagnitude(own, { sparsity: 0.5, out: own, backend })).toBe(own);
    expectEqual(own, results[0]!);
  });

  it("writes large results around the cache with the same bits", () => {
    const length = (8 << 20) + 13;
    const x = new Float32Array(length);
    for (let i = 0; i < length; i += LENGTH) x.set(uniform.subarray(0, length - i), i);
    const out = new Float32Array(length + 16).subarray(1, 1 + length);
    pruneMagnitude(x, { threshold: 0.5, out, backend });
    const once = pruneMagnitude(uniform, { threshold: 0.5, backend: "js" });
    for (let i = 0; i < length; i += LENGTH)
      expectEqual(out.subarray(i, i + LENGTH), once.subarray(0, length - i));
  });
});

describe("pruneMagnitude", () => {
  const x = new Float32Array(8);
  const shared = new Float32Array(12);
  const cases: [string, unknown, unknown, RegExp][] = [
    ["x", [1, 2], { sparsity: 0.5 }, /Float32Array for x\[0\]/],
    ["x of another type", new Float64Array(3), { sparsity: 0.5 }, /Float32Array/],
    ["no option", x, {}, /sparsity/],
    ["both options", x, { sparsity: 0.5, threshold: 1 }, /sparsity/],
    ["sparsity above 1", x, { sparsity: 1.5 }, /sparsity/],
    ["NaN as sparsity", x, { sparsity: NaN }, /sparsity/],
    ["text as sparsity", x, { sparsity: "0.5" }, /sparsity/],
    ["a negative threshold", x, { threshold: -1 }, /threshold/],
    ["NaN as threshold", x, { threshold: NaN }, /threshold/],
    ["out of another length", x, { sparsity: 0.5, out: new Float32Array(7) }, /length 8 for out/],
    ["too few outs", [x, x], { sparsity: 0.5, out: [new Float32Array(8)] }, /2 arrays for out/],
    ["out that overlaps", shared.subarray(0, 8), { sparsity: 0.5, out: shared.subarray(4, 12) }, /out/],
    [
      "one out for two",
      [x, new Float32Array(8)],
      { sparsity: 0.5, out: [shared.subarray(0, 8), shared.subarray(0, 8)] },
      /out/,
    ],
  ];
  test.each(cases)("refuses %s", (_, input, options, message) => {
    const call = () => pruneMagnitude(input as Float32Array, options as PruneMagnitudeOptions);
    expect(call).toThrow(message);
  });

  it("finds no threshold in nothing", () => {
    expect(magnitudeThreshold([], 1)).toBe(0);
    expect(pruneMagnitude([], { sparsity: 1 })).toEqual([]);
  });

  it("refuses an array that is detached", () => {
    const gone = new Float32Array(4);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(() => magnitudeThreshold([x, gone], 0.5)).toThrow(/detached for x\[1\]/);
  });
});

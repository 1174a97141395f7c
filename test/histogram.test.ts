import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { backends, type HistogramOptions, histogram, histogramAsync } from "../lib/index.js";
import { bytesUnder } from "./support/bytes.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

interface Vector {
  name: string;
  min: number;
  max: number;
  bins: number;
  x: string;
  counts: [bin: number, count: number][];
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("vectors/histogram.json", import.meta.url), "utf8"),
);

function floatsOf(hex: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(hex, "hex")).buffer);
}

/** Edges of the bins and floats beside them, between values of any bits. */
function aroundEdges(length: number, { min, max, bins }: HistogramOptions, seed: number): Float32Array {
  const x = randomBitPatterns(length, seed);
  const bits = new Int32Array(x.buffer);
  const next = randomIntegers(seed + 1);
  for (let i = 0; i < length; i++) {
    if (next() % 8 === 0) continue;
    x[i] = min + ((max - min) / bins) * (next() % (bins + 1));
    bits[i]! += (next() % 5) - 2;
  }
  return x;
}

const cases = [
  { name: "a bin holds its left edge, not its right one", x: [0, 1, 2], min: 0, max: 3, y: [1, 1, 1] },
  { name: "the last bin holds its right edge too", x: [2, 3], min: 0, max: 3, y: [0, 0, 2] },
  {
    name: "what lies outside is not counted",
    x: [-1, 4, -Infinity, Infinity, 1.5],
    min: 0,
    max: 3,
    y: [0, 1, 0],
  },
  { name: "NaN is not counted", x: [NaN, 1, NaN], min: 0, max: 3, y: [0, 1, 0] },
  { name: "-0 is 0", x: [-0, 0], min: 0, max: 3, y: [2, 0, 0] },
  {
    name: "an empty range reaches half to both sides",
    x: [4.4, 4.5, 5, 5.2, 5.5],
    min: 5,
    max: 5,
    y: [1, 1, 2],
  },
  { name: "edges are float32: 0.7 lies in the bin it begins", x: [0.7], min: 0.1, max: 1, y: [0, 0, 1] },
  { name: "nothing to count", x: [], min: 0, max: 1, y: [0, 0] },
];

describe.each(backends())("histogram on $name", (backend) => {
  test.each(cases)("$name", ({ x, min, max, y }) => {
    expect([...histogram(Float32Array.from(x), { min, max, bins: y.length, backend })]).toEqual(y);
  });

  test.each(vectors)("$name: as numpy.histogram", ({ x, min, max, bins, counts }) => {
    const expected = new Float64Array(bins);
    for (const [bin, count] of counts) expected[bin] = count;
    expect(histogram(floatsOf(x), { min, max, bins, backend })).toEqual(expected);
  });

  it("equals js around edges and on any bits, at every length 0..130 and offset 0..3", () => {
    const range = { min: -0.3, max: 0.9, bins: 37 };
    for (let length = 0; length <= 130; length++)
      for (let offset = 0; offset <= 3; offset++) {
        const x = aroundEdges(length + offset, range, 1 + length * 4 + offset).subarray(offset);
        expect(histogram(x, { ...range, backend })).toEqual(histogram(x, { ...range, backend: "js" }));
      }
  });

  test.each([
    { min: 0, max: 6, bins: 1 },
    { min: -127.5, max: 128, bins: 1024 },
    { min: 1000, max: 1001, bins: 1025 },
    { min: 0, max: 1, bins: 70_001 },
    { min: -1, max: 1, bins: 2 ** 22 },
    { min: -3e-45, max: 4e-45, bins: 5 },
    { min: -1.2e38, max: 2e38, bins: 100 },
  ])("equals js in $bins bins from $min to $max", (range) => {
    const x = aroundEdges(20_000, range, 9);
    const actual = histogram(x, { ...range, backend });
    const expected = histogram(x, { ...range, backend: "js" });
    expect(bytesUnder(actual).equals(bytesUnder(expected))).toBe(true);
  });

  test.each([37, 3000, 70_001])(
    "counts into %d bins on several threads, and off the event loop",
    async (bins) => {
      const range = { min: -0.3, max: 0.9, bins };
      const block = aroundEdges(1 << 16, range, 3);
      const x = new Float32Array(10 * block.length + 77);
      for (let start = 0; start < x.length; start += block.length)
        x.set(block.subarray(0, x.length - start), start);
      const once = histogram(block, { ...range, backend: "js" });
      const rest = histogram(block.subarray(0, 77), { ...range, backend: "js" });
      const expected = once.map((count, i) => 10 * count + rest[i]!);
      for (const threads of [1, 3]) {
        const options = { ...range, threads, backend };
        expect(bytesUnder(histogram(x, options)).equals(bytesUnder(expected))).toBe(true);
        expect(bytesUnder(await histogramAsync(x, options)).equals(bytesUnder(expected))).toBe(true);
      }
    },
  );

  it("overwrites out, and nothing beside it", () => {
    const memory = new Float64Array(5).fill(9);
    const out = memory.subarray(1, 4);
    const x = Float32Array.of(0, 1, 1, 7);
    expect(histogram(x, { min: 0, max: 3, bins: 3, out, backend })).toBe(out);
    expect([...memory]).toEqual([9, 1, 2, 0, 9]);
  });
});

describe("histogram", () => {
  const x = new Float32Array(4);
  const fine = { min: 0, max: 1, bins: 2 };
  const memory = new ArrayBuffer(32);
  test.each<[string, unknown, unknown, string]>([
    ["float64 values", new Float64Array(2), fine, "Expected a Float32Array for x"],
    ["no min", x, { max: 1, bins: 2 }, "Expected a number for min but received undefined"],
    ["a text for max", x, { ...fine, max: "1" }, 'Expected a number for max but received "1"'],
    ["an infinite end", x, { ...fine, max: Infinity }, "Expected a finite float32 for max"],
    ["a NaN end", x, { ...fine, min: NaN }, "Expected a finite float32 for min"],
    ["an end beyond float32", x, { ...fine, max: 4e38 }, "Expected a finite float32 for max"],
    ["ends too far apart", x, { ...fine, min: -3e38, max: 3e38 }, "that float32 can hold for max"],
    ["ends in the wrong order", x, { ...fine, min: 2 }, "Expected at most max (1) for min but received 2"],
    ["no bins", x, { ...fine, bins: 0 }, "Expected an integer from 1 to 16777216 for bins"],
    ["half a bin", x, { ...fine, bins: 1.5 }, "Expected an integer from 1 to 16777216 for bins"],
    ["too many bins", x, { ...fine, bins: 2 ** 24 + 1 }, "Expected an integer from 1 to 16777216 for bins"],
    ["bins that are no number", x, { ...fine, bins: [0, 1] }, "Expected a number for bins"],
    [
      "bins narrower than float32",
      x,
      { min: 1, max: 1.001, bins: 10_000 },
      "so few that the edges from 1 to",
    ],
    ["a range of one float32", x, { min: 1e30, max: 1e30, bins: 1 }, "so few that the edges from 1e+30 to"],
    ["out of another type", x, { ...fine, out: new Uint32Array(2) }, "Expected a Float64Array for out"],
    ["out of another length", x, { ...fine, out: new Float64Array(3) }, "Expected length 2 for out"],
    ["an unknown backend", x, { ...fine, backend: "abacus" }, "for backend"],
    [
      "out over x",
      new Float32Array(memory, 0, 4),
      { ...fine, out: new Float64Array(memory, 8, 2) },
      "Expected memory apart from the input for out",
    ],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => histogram(input as Float32Array, options as HistogramOptions)).toThrow(message);
  });
});

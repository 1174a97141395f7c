import { describe, expect, it, test } from "vitest";
import { backends, magnitudeHistogram, magnitudeHistogramAsync } from "../lib/index.js";
import { randomBitPatterns } from "./support/random.js";

/** Bins that hold any, and how many. */
const held = (counts: Float64Array) => [...counts.entries()].filter(([, count]) => count > 0);

const cases = [
  { name: "zero of either sign is in the first bin", x: [0, -0, 1e-45], y: [[0, 3]] },
  { name: "a sign makes no difference", x: [1, -1, 1.001], y: [[0x3f80, 3]] },
  {
    name: "bins are in the order of magnitudes",
    x: [2, 1, 0.5],
    y: [0x3f00, 0x3f80, 0x4000].map((b) => [b, 1]),
  },
  {
    name: "infinity has a bin with NaN in and above it",
    x: [Infinity, -Infinity, NaN],
    y: [
      [0x7f80, 2],
      [0x7fc0, 1],
    ],
  },
  { name: "nothing", x: [], y: [] },
] as const;

describe.each(backends())("magnitudeHistogram on $name", (backend) => {
  test.each(cases)("$name", ({ x, y }) => {
    expect(held(magnitudeHistogram(Float32Array.from(x), { backend }))).toEqual(y);
  });

  it("counts one bin by its lower bits", () => {
    const x = Float32Array.of(1, 1 + 2 ** -23, -1, 2, 0.5, 1.0078125);
    expect(held(magnitudeHistogram(x, { within: 0x3f80, backend }))).toEqual([
      [0, 2],
      [1, 1],
    ]);
    expect(held(magnitudeHistogram(x, { within: 0x7fff, backend }))).toEqual([]);
  });

  it("equals js at every length and offset, for any bits, on several threads and off the event loop", async () => {
    const x = randomBitPatterns(400_003, 7);
    for (let i = 0; i < x.length; i += 3) x[i] = 1 + i / 2 ** 23;
    for (const [begin, end] of [
      [0, 17],
      [1, 40],
      [3, 100],
      [2, x.length],
    ] as const)
      for (const within of [undefined, 0, 0x3f80]) {
        const part = x.subarray(begin, end);
        const expected = held(magnitudeHistogram(part, { within, backend: "js" }));
        for (const threads of [1, 3])
          expect(held(magnitudeHistogram(part, { within, backend, threads }))).toEqual(expected);
        expect(held(await magnitudeHistogramAsync(part, { within, backend }))).toEqual(expected);
      }
  });

  it("overwrites out and nothing beside it", () => {
    const memory = new Float64Array(2 ** 15 + 2).fill(7);
    const out = memory.subarray(1, -1);
    expect(magnitudeHistogram(Float32Array.of(1, 1), { out, backend })).toBe(out);
    expect(held(out)).toEqual([[0x3f80, 2]]);
    expect([memory[0], memory.at(-1)]).toEqual([7, 7]);
  });
});

test.each<[string, () => unknown, RegExp]>([
  ["another array", () => magnitudeHistogram(new Float64Array(3) as never), /Float32Array for x/],
  [
    "a bin that there is not",
    () => magnitudeHistogram(new Float32Array(1), { within: 32768 }),
    /0 to 32767 for within/,
  ],
  ["half a bin", () => magnitudeHistogram(new Float32Array(1), { within: 0.5 }), /integer/],
  [
    "a bin that is no number",
    () => magnitudeHistogram(new Float32Array(1), { within: "1" as never }),
    /number for within/,
  ],
  [
    "counters of another type",
    () => magnitudeHistogram(new Float32Array(1), { out: new Float32Array(2 ** 15) as never }),
    /Float64Array/,
  ],
  [
    "too few counters",
    () => magnitudeHistogram(new Float32Array(1), { within: 1, out: new Float64Array(2 ** 15) }),
    /65536/,
  ],
])("magnitudeHistogram refuses %s", (_, call, message) => {
  expect(call).toThrow(message);
});

import { describe, expect, it, test } from "vitest";
import { backends, type MinMaxOptions, minMax } from "../lib/index.js";
import { randomBitPatterns } from "./support/random.js";

function withoutNaN(x: Float32Array): Float32Array {
  return x.map((value) => (Number.isNaN(value) ? 0 : value));
}

const cases = [
  { name: "finds both ends", x: [3, -1, 2], min: -1, max: 3 },
  { name: "one value is both", x: [5], min: 5, max: 5 },
  { name: "infinities are values", x: [-Infinity, 0, Infinity], min: -Infinity, max: Infinity },
  { name: "a zero result is +0", x: [-0, -0], min: 0, max: 0 },
  { name: "denormals count", x: [1e-45, -1e-45], min: -1.401298464324817e-45, max: 1.401298464324817e-45 },
];

describe.each(backends())("minMax on $name", (backend) => {
  test.each(cases)("$name", ({ x, min, max }) => {
    expect(minMax(Float32Array.from(x), { backend })).toEqual({ min, max });
  });

  it("equals js on any bits but NaN, at every length 1..130 and offset 0..3", () => {
    for (let length = 1; length <= 130; length++)
      for (let offset = 0; offset <= 3; offset++) {
        const x = withoutNaN(randomBitPatterns(length + offset, length)).subarray(offset);
        expect(minMax(x, { backend })).toEqual(minMax(x, { backend: "js" }));
      }
  });

  it("sees the smallest, the largest and a NaN at every position", () => {
    for (const length of [1, 7, 8, 31, 32, 33, 64, 100])
      for (let at = 0; at < length; at++) {
        const x = new Float32Array(length).fill(1);
        x[at] = -5;
        expect(minMax(x, { backend }).min).toBe(-5);
        x[at] = 5;
        expect(minMax(x, { backend }).max).toBe(5);
        for (const bits of [0x7fc00000, 0xffffffff, 0x7f800001]) {
          new Uint32Array(x.buffer)[at] = bits;
          expect(minMax(x, { backend })).toEqual({ min: NaN, max: NaN });
        }
      }
  });

  test.each([
    [[1, 3, 1]],
    [[2, 3, 4]],
    [[7, 1, 5]],
    [[50, 40, 9]],
    [[64, 3, 3, 3]],
    [[9, 1500, 1]],
    [[8, 700, 3]],
    [[6, 1500, 5]],
    [[6, 2050, 2]],
    [[3, 70, 1]],
    [[2, 3, 331]],
    [[2000, 3, 1]],
  ])("shape %j: every axis equals js, a NaN stays in its channel", (shape) => {
    const length = shape.reduce((a, b) => a * b);
    const x = withoutNaN(randomBitPatterns(length, 8));
    x[0] = NaN;
    x[length - 1] = NaN;
    shape.forEach((channels, axis) => {
      const actual = minMax(x, { shape, axis, backend });
      const expected = minMax(x, { shape, axis, backend: "js" });
      expect(Buffer.from(actual.min.buffer)).toEqual(Buffer.from(expected.min.buffer));
      expect(Buffer.from(actual.max.buffer)).toEqual(Buffer.from(expected.max.buffer));
      expect(actual.min.filter(Number.isNaN).length).toBe(channels === 1 ? 1 : 2);
    });
  });

  it("gives each index of the axis its own range, +0 for zeros, in the arrays of out", () => {
    const out = { min: new Float32Array(4).subarray(1, 3), max: new Float32Array(2) };
    const x = Float32Array.of(-0, -0, 1, 5, -3, 4);
    expect(minMax(x, { shape: [2, 3], axis: 0, out, backend })).toBe(out);
    expect([[...out.min], [...out.max]]).toEqual([
      [0, -3],
      [1, 5],
    ]);
  });
});

describe("minMax", () => {
  const x = new Float32Array(6);
  const shape = [2, 3];
  const one = new Float32Array(3);
  test.each<[string, unknown, unknown, string]>([
    ["nothing", new Float32Array(0), {}, "Expected at least one element for x but received"],
    ["another type", [1, 2], {}, "Expected a Float32Array for x"],
    ["an axis without a shape", x, { axis: 0 }, "which axis needs, for shape"],
    ["an axis outside the shape", x, { shape, axis: -3 }, "an axis of shape [2, 3] for axis but received -3"],
    ["a shape of other size", x, { shape: [5] }, "6 elements for shape"],
    ["out of another length", x, { shape, axis: 0, out: { min: one, max: one } }, "length 2 for out"],
    ["one array for both results", x, { shape, axis: 1, out: { min: one, max: one } }, "memory apart from"],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => minMax(input as Float32Array, options as MinMaxOptions)).toThrow(message);
  });
});

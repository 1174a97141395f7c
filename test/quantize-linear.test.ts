import fc from "fast-check";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { backends, type QuantizeLinearOptions, quantizeLinear } from "../lib/index.js";
import { runOnnx } from "./support/onnxruntime.js";
import { nearTies, randomBitPatterns } from "./support/random.js";

interface Case extends QuantizeLinearOptions {
  name: string;
  x: number[];
  y: number[];
}

const cases: Case[] = [
  { name: "ties go to even", x: [0.5, 1.5, 2.5, -0.5, -1.5], scale: 1, y: [0, 2, 2, 0, -2] },
  { name: "values beyond the range saturate", x: [1e9, -1e9], scale: 1, y: [127, -128] },
  { name: "infinities saturate", x: [Infinity, -Infinity], scale: 0.1, y: [127, -128] },
  { name: "the largest floats saturate", x: [3.4e38, -3.4e38], scale: 0.1, y: [127, -128] },
  { name: "NaN gives the smallest value", x: [NaN], scale: 1, zeroPoint: 7, y: [-128] },
  { name: "NaN gives the smallest uint8", x: [NaN], scale: 1, zeroPoint: 7, dtype: "uint8", y: [0] },
  { name: "the quotient is divided, not multiplied by 1/scale", x: [1.55], scale: 0.1, y: [15] },
  { name: "the zero point is added after rounding", x: [0.5, 1.5], scale: 1, zeroPoint: 1, y: [1, 3] },
  {
    name: "-0 and denormals give the zero point",
    x: [-0, 1e-45, -1e-45],
    scale: 1,
    zeroPoint: 3,
    y: [3, 3, 3],
  },
  { name: "a denormal scale divides denormals", x: [2.8e-45, -1.4e-45], scale: 1.4e-45, y: [2, -1] },
  { name: "the largest scale divides the largest floats", x: [3e38, -3e38], scale: 3e38, y: [1, -1] },
  { name: "nothing in gives nothing out", x: [], scale: 1, y: [] },
  {
    name: "each index of the axis has its own scale and zero point",
    x: [1, 2, 3, 4, 5, 6],
    scale: [1, 2],
    zeroPoint: [0, 10],
    shape: [2, 3],
    axis: 0,
    y: [1, 2, 3, 12, 12, 13],
  },
  {
    name: "the axis is 1 unless it is said",
    x: [1, 2, 3, 4],
    scale: [1, 2],
    shape: [2, 2],
    y: [1, 1, 3, 2],
  },
  {
    name: "a negative axis counts from the end",
    x: [1, 2, 3, 4],
    scale: [1, 2],
    shape: [1, 2, 2],
    axis: -1,
    y: [1, 1, 3, 2],
  },
  {
    name: "one zero point serves every scale",
    x: [1, 2],
    scale: [1, 2],
    zeroPoint: 5,
    shape: [1, 2],
    y: [6, 6],
  },
];

// Inside 2^-64..2^64 the kernels multiply by a reciprocal, outside they divide.
const SCALES = [
  1,
  0.1,
  1 / 3,
  0.0078125,
  3.7e-5,
  2 ** -100,
  2 ** -101,
  2 ** 100,
  2 ** 101,
  3e38,
  1e-40,
  2 ** -149,
];
const TYPES = [
  { dtype: "int8", zeroPoints: [-128, -1, 0, 127] },
  { dtype: "uint8", zeroPoints: [0, 128, 255] },
] as const;

describe.each(backends())("quantizeLinear on $name", (backend) => {
  test.each(cases)("$name", ({ x, y, ...options }) => {
    expect([...quantizeLinear(Float32Array.from(x), { ...options, backend })]).toEqual(y);
  });

  test.each(TYPES)("$dtype equals js on any bits, at every length 0..130 and offset 0..3", ({ dtype }) => {
    for (let length = 0; length <= 130; length++)
      for (let offset = 0; offset <= 3; offset++) {
        const x = randomBitPatterns(length + offset, 1000 + length).subarray(offset);
        const options = { scale: 0.37, zeroPoint: 5, dtype } as const;
        expect(quantizeLinear(x, { ...options, backend })).toEqual(
          quantizeLinear(x, { ...options, backend: "js" }),
        );
      }
  });

  test.each(SCALES)("scale %d: equals js on any bits and around every tie", (scale) => {
    for (const { dtype, zeroPoints } of TYPES)
      for (const zeroPoint of zeroPoints)
        for (const x of [randomBitPatterns(4001, 7), nearTies(4001, Math.fround(scale), 11)]) {
          const options = { scale, zeroPoint, dtype } as const;
          expect(quantizeLinear(x, { ...options, backend })).toEqual(
            quantizeLinear(x, { ...options, backend: "js" }),
          );
        }
  });

  test.each([
    [[1, 3, 1]],
    [[2, 3, 4]],
    [[7, 1, 5]],
    [[5, 40, 9]],
    [[64, 3, 3, 3]],
    [[3, 1500, 1]],
    [[2, 700, 3]],
    [[3, 1500, 5]],
    [[3, 2050, 2]],
    [[3, 4, 31]],
    [[3, 4, 32]],
    [[3, 70, 1]],
    [[2, 3, 331]],
  ])("shape %j: every axis equals js", (shape) => {
    const length = shape.reduce((a, b) => a * b);
    const x = nearTies(length, 0.01, 5);
    x.set(randomBitPatterns(length >> 2, 6));
    shape.forEach((channels, axis) => {
      for (const { dtype, zeroPoints } of TYPES) {
        const scale = Float32Array.from({ length: channels }, (_, i) => SCALES[i % 6]! * 0.01);
        const zeroPoint = Array.from({ length: channels }, (_, i) => zeroPoints[i % zeroPoints.length]!);
        const options = { scale, zeroPoint, shape, axis, dtype };
        expect(quantizeLinear(x, { ...options, backend })).toEqual(
          quantizeLinear(x, { ...options, backend: "js" }),
        );
      }
    });
  });

  it("writes nothing outside out", () => {
    for (let length = 0; length <= 130; length++) {
      const guarded = new Int8Array(length + 128).fill(99);
      const x = randomBitPatterns(length, length + 1);
      const out = guarded.subarray(64, 64 + length);
      expect(quantizeLinear(x, { scale: 1, out, backend })).toBe(out);
      expect([...guarded.subarray(0, 64), ...guarded.subarray(64 + length)]).toEqual(Array(128).fill(99));
    }
  });

  it("writes large outputs around the cache with the same bits, whatever their alignment", () => {
    const block = randomBitPatterns(1 << 16, 3);
    const length = (4 << 20) + 77;
    const x = new Float32Array(length);
    for (let start = 0; start < length; start += block.length)
      x.set(block.subarray(0, length - start), start);
    const expected = quantizeLinear(block, { scale: 0.1, dtype: "uint8", backend: "js" });
    const guarded = new Uint8Array(length + 64).fill(99);
    const out = quantizeLinear(x, { scale: 0.1, out: guarded.subarray(5, 5 + length), backend });
    for (let start = 0; start < length; start += block.length) {
      const part = out.subarray(start, start + block.length);
      expect(Buffer.compare(part, expected.subarray(0, part.length))).toBe(0);
    }
    expect([...guarded.subarray(0, 5), ...guarded.subarray(5 + length)]).toEqual(Array(64).fill(99));
  });

  it("is within half a step of every value in range", () => {
    fc.assert(
      fc.property(fc.float({ min: -127, max: 127, noNaN: true }), (x) => {
        const [q] = quantizeLinear(Float32Array.of(x), { scale: 1, backend });
        expect(Math.abs(q! - x)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  test.each(TYPES)(
    "$dtype equals onnxruntime, per tensor and on every axis",
    async ({ dtype, zeroPoints }) => {
      const shape = [4, 5, 33];
      const length = 4 * 5 * 33;
      const x = nearTies(length, 0.1, 9);
      x.set(randomBitPatterns(length >> 1, 10));
      const zeros = dtype === "int8" ? Int8Array : Uint8Array;
      for (const axis of [undefined, 0, 1, 2]) {
        const channels = axis === undefined ? 1 : shape[axis]!;
        const scale = Float32Array.from({ length: channels }, (_, i) => 0.1 / (1 + (i % 7)));
        const zeroPoint = zeros.from(scale.map((_, i) => zeroPoints[i % zeroPoints.length]!));
        const parameterShape = axis === undefined ? [] : [channels];
        const model = {
          op: "QuantizeLinear",
          inputs: [
            { name: "x", dtype: "float32", shape },
            { name: "scale", dtype: "float32", shape: parameterShape },
            { name: "zero_point", dtype, shape: parameterShape },
          ],
          outputs: [{ name: "y", dtype, shape }],
          attributes: axis === undefined ? {} : { axis },
        } as const;
        const [expected] = await runOnnx(model, [x, scale, zeroPoint]);
        const actual = quantizeLinear(x, { scale, zeroPoint: [...zeroPoint], shape, axis, dtype, backend });
        expect(actual).toEqual(expected);
      }
    },
  );
});

describe("quantizeLinear", () => {
  const x = new Float32Array(6);

  it("takes the result's type from dtype, else out, else the zero points, else int8", () => {
    const uint8 = quantizeLinear(x, { scale: 1, dtype: "uint8" });
    expectTypeOf(uint8).toEqualTypeOf<Uint8Array>();
    expect(uint8).toBeInstanceOf(Uint8Array);
    const out = new Uint8Array(6);
    expectTypeOf(quantizeLinear(x, { scale: 1, out })).toEqualTypeOf<typeof out>();
    expect(quantizeLinear(x, { scale: 1, out })).toBe(out);
    expect(quantizeLinear(x, { scale: 1, zeroPoint: Uint8Array.of(3) })).toEqual(new Uint8Array(6).fill(3));
    const int8 = quantizeLinear(x, { scale: 1 });
    expectTypeOf(int8).toEqualTypeOf<Int8Array>();
    expect(int8).toBeInstanceOf(Int8Array);
  });

  const shape = [2, 3];
  const memory = new ArrayBuffer(64);
  const detached = new Float32Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  test.each<[string, unknown, unknown, string]>([
    ["x of another type", new Float64Array(2), { scale: 1 }, "Expected a Float32Array for x"],
    ["a detached x", detached, { scale: 1 }, "not transferred or detached for x"],
    ["a scale of 0", x, { scale: 0 }, "Expected a positive finite float32 for scale but received 0"],
    ["a scale that float32 rounds to 0", x, { scale: 1e-46 }, "a positive finite float32 for scale"],
    ["an infinite scale", x, { scale: 1e39 }, "a positive finite float32 for scale"],
    ["a NaN scale", x, { scale: NaN }, "a positive finite float32 for scale"],
    ["no scale", x, {}, "for scale but received undefined"],
    ["a negative scale in a list", x, { scale: [1, -1, 1], shape }, "for scale but received -1"],
    ["a fractional zero point", x, { scale: 1, zeroPoint: 0.5 }, "an integer in -128..127 for zeroPoint"],
    [
      "a zero point of the other type",
      x,
      { scale: 1, zeroPoint: -1, dtype: "uint8" },
      "0..255 for zeroPoint",
    ],
    ["two zero points for one scale", x, { scale: 1, zeroPoint: [1, 2] }, "one value, as there is one scale"],
    [
      "fewer zero points than scales",
      x,
      { scale: [1, 1, 1], zeroPoint: [1, 2], shape },
      "3 values, as scale has",
    ],
    [
      "an unknown dtype",
      x,
      { scale: 1, dtype: "int7" },
      'one of int8, uint8, int16, uint16, int4, uint4 for dtype but received "int7"',
    ],
    ["scales without a shape", x, { scale: [1, 1, 1] }, "which several scales need, for shape"],
    [
      "scales that do not fit the axis",
      x,
      { scale: [1, 1], shape },
      "3 values, the size of axis 1, for scale",
    ],
    ["an axis outside the shape", x, { scale: [1, 1], shape, axis: 2 }, "an axis of shape [2, 3] for axis"],
    ["a shape of other size", x, { scale: 1, shape: [2, 2] }, "6 elements for shape but received"],
    [
      "a shape that is no list of sizes",
      x,
      { scale: 1, shape: [2, -3] },
      "whole sizes, 0 or more, for shape",
    ],
    [
      "out of another length",
      x,
      { scale: 1, out: new Int8Array(5) },
      'length 6 for out but received "length 5"',
    ],
    ["out of another type", x, { scale: 1, dtype: "int8", out: new Uint8Array(6) }, "an Int8Array for out"],
    [
      "out over x",
      new Float32Array(memory, 0, 6),
      { scale: 1, out: new Int8Array(memory, 20, 6) },
      "memory apart from the input for out",
    ],
    ["an unknown backend", x, { scale: 1, backend: "abacus" }, 'js for backend but received "abacus"'],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => quantizeLinear(input as Float32Array, options as QuantizeLinearOptions)).toThrow(message);
  });

  it("takes an out beside x in the same buffer", () => {
    const out = new Int8Array(memory, 24, 6);
    expect(quantizeLinear(new Float32Array(memory, 0, 6), { scale: 1, out })).toBe(out);
  });
});

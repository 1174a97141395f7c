import { describe, expect, it, test } from "vitest";
import { backends, type DequantizeLinearOptions, dequantizeLinear, quantizeLinear } from "../lib/index.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int32: Int32Array };
const TYPES = [
  { dtype: "int8", zeroPoints: [-128, 0, 127] },
  { dtype: "uint8", zeroPoints: [0, 128, 255] },
  { dtype: "int32", zeroPoints: [0] },
] as const;

function randomValues(dtype: keyof typeof ARRAYS, length: number, seed: number) {
  return ARRAYS[dtype].from({ length } as ArrayLike<number>).map(randomIntegers(seed));
}

interface Case extends DequantizeLinearOptions {
  out?: undefined;
  outputDType?: undefined;
  name: string;
  q: Int8Array | Uint8Array | Int32Array;
  x: number[];
}

const cases: Case[] = [
  { name: "a step has the size of the scale", q: Int8Array.of(-128, 0, 127), scale: 0.5, x: [-64, 0, 63.5] },
  { name: "the zero point becomes 0", q: Uint8Array.of(0, 7, 255), scale: 2, zeroPoint: 7, x: [-14, 0, 496] },
  { name: "a bias is int32", q: Int32Array.of(-(2 ** 31), 1 << 24), scale: 0.5, x: [-(2 ** 30), 2 ** 23] },
  { name: "int32 is rounded to float32 first", q: Int32Array.of(2 ** 24 + 1), scale: 1, x: [2 ** 24] },
  {
    name: "the product overflows to infinity",
    q: Int8Array.of(-2, 2),
    scale: 3e38,
    x: [-Infinity, Infinity],
  },
  { name: "a negative scale of zero gives -0", q: Int8Array.of(0), scale: -1, x: [-0] },
  { name: "nothing in gives nothing out", q: Int8Array.of(), scale: 1, x: [] },
  {
    name: "each index of the axis has its own scale and zero point",
    q: Int8Array.of(1, 2, 3, 4),
    scale: [1, 2],
    zeroPoint: Int8Array.of(1, 0),
    shape: [2, 2],
    axis: 0,
    x: [0, 1, 6, 8],
  },
];

describe.each(backends())("dequantizeLinear on $name", (backend) => {
  test.each(cases)("$name", ({ q, x, ...options }) => {
    expect([...dequantizeLinear(q, { ...options, backend })]).toEqual(x);
  });

  test.each(TYPES)("$dtype equals js at every length 0..130 and offset 0..3", ({ dtype, zeroPoints }) => {
    for (let length = 0; length <= 130; length++)
      for (let offset = 0; offset <= 3; offset++) {
        const q = randomValues(dtype, length + offset, 50 + length).subarray(offset);
        for (const scale of [0.1, 1e-40, -3e38]) {
          const options = { scale, zeroPoint: zeroPoints[length % zeroPoints.length]! };
          expect(dequantizeLinear(q, { ...options, backend })).toEqual(
            dequantizeLinear(q, { ...options, backend: "js" }),
          );
        }
      }
  });

  test.each([
    [[1, 3, 1]],
    [[7, 1, 5]],
    [[5, 40, 9]],
    [[3, 1500, 1]],
    [[2, 700, 3]],
    [[3, 1500, 5]],
    [[3, 2050, 2]],
    [[3, 4, 32]],
    [[2, 3, 331]],
  ])("shape %j: every axis equals js", (shape) => {
    const length = shape.reduce((a, b) => a * b);
    for (const { dtype, zeroPoints } of TYPES)
      shape.forEach((channels, axis) => {
        const q = randomValues(dtype, length, 17);
        const scale = Float32Array.from({ length: channels }, (_, i) => 0.1 / (1 + i));
        const zeroPoint = Array.from(scale, (_, i) => zeroPoints[i % zeroPoints.length]!);
        const options = { scale, zeroPoint, shape, axis };
        expect(dequantizeLinear(q, { ...options, backend })).toEqual(
          dequantizeLinear(q, { ...options, backend: "js" }),
        );
      });
  });

  it("writes nothing outside out", () => {
    for (let length = 0; length <= 70; length++) {
      const guarded = new Float32Array(length + 32).fill(99);
      const out = guarded.subarray(16, 16 + length);
      expect(dequantizeLinear(randomValues("int8", length, 5), { scale: 1, out, backend })).toBe(out);
      expect([...guarded.subarray(0, 16), ...guarded.subarray(16 + length)]).toEqual(Array(32).fill(99));
    }
  });

  it("writes large outputs around the cache with the same bits, whatever their alignment", () => {
    const block = randomValues("int8", 1 << 16, 3) as Int8Array;
    const length = (8 << 20) + 13;
    const q = new Int8Array(length);
    for (let start = 0; start < length; start += block.length)
      q.set(block.subarray(0, length - start), start);
    const expected = Buffer.from(dequantizeLinear(block, { scale: 0.1, backend: "js" }).buffer);
    const guarded = new Float32Array(length + 16).fill(99);
    const out = dequantizeLinear(q, { scale: 0.1, out: guarded.subarray(3, 3 + length), backend });
    for (let start = 0; start < length; start += block.length) {
      const part = out.subarray(start, start + block.length);
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      expect(bytes.equals(expected.subarray(0, part.byteLength))).toBe(true);
    }
    expect([...guarded.subarray(0, 3), ...guarded.subarray(3 + length)]).toEqual(Array(16).fill(99));
  });

  it("undoes quantizeLinear to within half a step", () => {
    const x = randomBitPatterns(1000, 4).map((value) => (Math.abs(value) <= 12.7 ? value : 0));
    const q = quantizeLinear(x, { scale: 0.1, backend });
    const back = dequantizeLinear(q, { scale: 0.1, backend });
    back.forEach((value, i) => {
      expect(Math.abs(value - x[i]!)).toBeLessThanOrEqual(0.0500001);
    });
  });

  test.each(TYPES)(
    "$dtype equals onnxruntime, per tensor and on every axis",
    async ({ dtype, zeroPoints }) => {
      const shape = [4, 5, 33];
      const q = randomValues(dtype, 4 * 5 * 33, 21);
      for (const axis of [undefined, 0, 1, 2]) {
        const channels = axis === undefined ? 1 : shape[axis]!;
        const scale = Float32Array.from({ length: channels }, (_, i) => 0.1 / (1 + (i % 7)));
        const zeroPoint = ARRAYS[dtype].from(scale.map((_, i) => zeroPoints[i % zeroPoints.length]!));
        const parameterShape = axis === undefined ? [] : [channels];
        const model = {
          op: "DequantizeLinear",
          inputs: [
            { name: "x", dtype, shape },
            { name: "scale", dtype: "float32", shape: parameterShape },
            { name: "zero_point", dtype, shape: parameterShape },
          ],
          outputs: [{ name: "y", dtype: "float32", shape }],
          attributes: axis === undefined ? {} : { axis },
        } as const;
        const [expected] = await runOnnx(model, [q, scale, zeroPoint]);
        expect(dequantizeLinear(q, { scale, zeroPoint, shape, axis, backend })).toEqual(expected);
      }
    },
  );
});

describe("dequantizeLinear", () => {
  const q = new Int8Array(4);
  const detached = new Int8Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  const memory = new ArrayBuffer(32);
  test.each<[string, unknown, unknown, string]>([
    [
      "float32 input",
      new Float32Array(2),
      { scale: 1 },
      "an array of 8- or 16-bit integers or an Int32Array for q",
    ],
    ["a detached q", detached, { scale: 1 }, "not transferred or detached for q"],
    ["an infinite scale", q, { scale: Infinity }, "a finite float32 for scale"],
    ["a scale that float32 cannot hold", q, { scale: 1e39 }, "a finite float32 for scale"],
    [
      "an int32 zero point",
      new Int32Array(1),
      { scale: 1, zeroPoint: 1 },
      "Expected 0 for zeroPoint but received 1",
    ],
    ["a dtype that is not q's", q, { scale: 1, dtype: "uint8" }, '"int8", the type of q, for dtype'],
    ["out of another type", q, { scale: 1, out: new Float64Array(4) }, "a Float32Array for out"],
    ["out of another length", q, { scale: 1, out: new Float32Array(3) }, "length 4 for out"],
    [
      "out over q",
      new Int32Array(memory, 0, 4),
      { scale: 1, out: new Float32Array(memory, 0, 4) },
      "memory apart from the input for out",
    ],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => dequantizeLinear(input as Int8Array, options as DequantizeLinearOptions)).toThrow(message);
  });
});

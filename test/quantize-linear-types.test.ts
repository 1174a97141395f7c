import { describe, expect, expectTypeOf, it, test } from "vitest";
import {
  backends,
  bfloat16ToFloat32,
  type FloatDType,
  type Floats,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  type QuantizeLinearOptions,
  quantizeLinear,
  quantizeLinearAsync,
} from "../lib/index.js";
import { expectSame } from "./support/bytes.js";
import {
  asStored,
  granularities,
  mixedFloats,
  packed,
  QUANTIZED,
  QUANTIZED_DTYPES,
  sizeOf,
} from "./support/linear.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomIntegers } from "./support/random.js";

const FLOATS: { inputDType: FloatDType; narrow(x: Float32Array): Floats; widen(x: never): Float32Array }[] = [
  { inputDType: "float32", narrow: (x) => x, widen: (x: Float32Array) => x },
  { inputDType: "float16", narrow: float32ToFloat16, widen: (x: Uint16Array) => float16ToFloat32(x) },
  { inputDType: "bfloat16", narrow: float32ToBfloat16, widen: (x: Uint16Array) => bfloat16ToFloat32(x) },
];

const SHAPES = [
  [1],
  [5, 1],
  [7, 3, 5],
  [4, 70],
  [3, 2, 130],
  [2, 64, 3, 3],
  [2, 3000, 2],
  [2, 2100],
  [33, 129],
];

/** Scales around 0.1, some of them beyond what reciprocals are for, and zero points over the range of the type. */
function parametersFor(dtype: (typeof QUANTIZED_DTYPES)[number], shape: readonly number[]) {
  const { zeroPoints } = QUANTIZED[dtype];
  const next = randomIntegers(sizeOf(shape) + 1);
  const scale = Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
    i % 50 === 49 ? 2 ** ((next() % 250) - 125) : 0.1 / (1 + (next() % 7)),
  );
  return { scale, zeroPoint: Array.from(scale, () => zeroPoints[next() % zeroPoints.length]!) };
}

/** Those that can differ from js. */
const NATIVE = backends().filter(({ name }) => name !== "js");

describe.each(NATIVE)("quantizeLinear on $name", (backend) => {
  describe.each(FLOATS)("of $inputDType", ({ inputDType, narrow }) => {
    test.each(QUANTIZED_DTYPES)("to %s equals js at every length 0..130", (dtype) => {
      for (let length = 0; length <= 130; length++) {
        const offset = length % 3;
        const x = narrow(mixedFloats(length + offset, 1 + length)) as Uint16Array;
        const options = { scale: 0.1, zeroPoint: 5, dtype, inputDType } as const;
        const expected = quantizeLinear(x.subarray(offset), { ...options, backend: "js" });
        const guarded = new (expected.constructor as Uint8ArrayConstructor)(expected.length + 80).fill(99);
        const whole = guarded.slice();
        whole.set(expected, 40 - offset);
        const out = guarded.subarray(40 - offset, 40 - offset + expected.length);
        quantizeLinear(x.subarray(offset), { ...options, out, backend });
        expectSame(guarded, whole);
      }
    });

    test.each(SHAPES.map((shape) => ({ shape })))("shape $shape: every layout equals js", ({ shape }) => {
      const x = narrow(mixedFloats(sizeOf(shape), 3));
      for (const dtype of QUANTIZED_DTYPES)
        for (const { axis, blockSize, parameters } of granularities(shape, [2, 16, 32, 50])) {
          const options = { ...parametersFor(dtype, parameters), shape, axis, blockSize, dtype, inputDType };
          expectSame(
            quantizeLinear(x, { ...options, backend }),
            quantizeLinear(x, { ...options, backend: "js" }),
          );
        }
    });
  });

  it("takes large arrays of every type around the cache or through it with the same bits", () => {
    const block = mixedFloats(1 << 16, 3);
    const length = (4 << 20) + 78;
    const x = new Float32Array(length);
    for (let start = 0; start < length; start += block.length)
      x.set(block.subarray(0, length - start), start);
    for (const dtype of QUANTIZED_DTYPES) {
      const expected = quantizeLinear(block, { scale: 0.1, dtype, backend: "js" });
      const actual = quantizeLinear(x, { scale: 0.1, dtype, backend });
      for (let start = 0; start < actual.length; start += expected.length) {
        const part = actual.subarray(start, start + expected.length);
        expectSame(part, expected.subarray(0, part.length));
      }
    }
  });
});

describe("quantizeLinear", () => {
  // onnxruntime has no kernel for bfloat16.
  describe.each(FLOATS.slice(0, 2))("of $inputDType", ({ inputDType, narrow, widen }) => {
    const shape = [4, 6, 33];
    test.each(QUANTIZED_DTYPES)(
      "to %s equals onnxruntime in every layout, on every backend",
      async (dtype) => {
        for (const { axis, blockSize, parameters } of granularities(shape, [2, 4, 16])) {
          const { zeroPoint, scale: wide } = parametersFor(dtype, parameters);
          const narrowScale = narrow(wide.map((value) => (value > 0.01 && value < 1 ? value : 0.1)));
          const scale = widen(narrowScale as never);
          // Where it takes another way, onnxruntime converts quotients before it limits them, which C++ leaves undefined.
          const values = mixedFloats(sizeOf(shape), 5).map((value) =>
            Math.abs(value) < 2 ** 24 ? value : 7,
          );
          const x = narrow(
            values.map((value) => (inputDType === "float16" && Math.abs(value) > 65504 ? 7 : value)),
          );
          const [expected] = await runOnnx(
            {
              op: "QuantizeLinear",
              inputs: [
                { name: "x", dtype: inputDType, shape },
                { name: "scale", dtype: inputDType, shape: parameters },
                { name: "zero_point", dtype, shape: parameters },
              ],
              outputs: [{ name: "y", dtype, shape }],
              attributes: {
                ...(axis === undefined ? {} : { axis }),
                ...(blockSize === undefined ? {} : { block_size: blockSize }),
              },
              opset: 21,
            },
            [x as Float32Array, narrowScale as Float32Array, QUANTIZED[dtype].array.from(zeroPoint)],
          );
          const options = { scale, zeroPoint, shape, axis, blockSize, dtype, inputDType };
          for (const backend of backends())
            expect(quantizeLinear(x, { ...options, backend })).toEqual(asStored(dtype, expected!));
        }
      },
    );
  });

  it("has the same bits on any number of threads, and off the event loop", async () => {
    const shape = [5, 1001, 63];
    const x = mixedFloats(sizeOf(shape), 9);
    for (const dtype of ["uint16", "int4"] as const)
      for (const { axis, blockSize, parameters } of granularities(shape, [32])) {
        const options = { ...parametersFor(dtype, parameters), shape, axis, blockSize, dtype };
        const expected = quantizeLinear(x, { ...options, threads: 1 });
        expectSame(quantizeLinear(x, { ...options, threads: 3 }), expected);
        expectSame(await quantizeLinearAsync(x, options), expected);
      }
  });

  it("of 16-bit floats is that of their values, NaN and infinities among them", () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const { inputDType, widen } of FLOATS.slice(1))
      for (const dtype of QUANTIZED_DTYPES) {
        const options = { scale: 0.1, zeroPoint: 3, dtype } as const;
        expectSame(
          quantizeLinear(bits, { ...options, inputDType }),
          quantizeLinear(widen(bits as never), options),
        );
      }
  });

  test.each([
    ["int8", -128, 127],
    ["uint8", 0, 255],
    ["int16", -32768, 32767],
    ["uint16", 0, 65535],
    ["int4", -8, 7],
    ["uint4", 0, 15],
  ] as const)("to %s saturates to %d and %d; NaN gives the smallest", (dtype, min, max) => {
    const x = Float32Array.of(NaN, -Infinity, -3e38, Infinity, 3e38);
    for (const zeroPoint of QUANTIZED[dtype].zeroPoints)
      for (const backend of backends())
        expect(quantizeLinear(x, { scale: 0.1, zeroPoint, dtype, backend })).toEqual(
          asStored(dtype, QUANTIZED[dtype].array.of(min, min, min, max, max)),
        );
  });

  it("packs two values to a byte, the first in the low half, with 0 after an odd number", () => {
    const x = Float32Array.of(1, -2, 7);
    expect([...quantizeLinear(x, { scale: 1, dtype: "int4" })]).toEqual([0xe1, 0x07]);
    expect([...quantizeLinear(x, { scale: 1, dtype: "uint4", zeroPoint: 8 })]).toEqual([0x69, 0x0f]);
  });

  it("takes zero points of 4 bits as values or packed", () => {
    const x = Float32Array.of(0, 0, 0);
    const options = { scale: [1, 1, 1], shape: [3], axis: 0 } as const;
    for (const zeroPoint of [[1, -2, 3], Int8Array.of(1, -2, 3), packed([1, -2, 3])])
      expect(quantizeLinear(x, { ...options, zeroPoint, dtype: "int4" })).toEqual(packed([1, -2, 3]));
    for (const zeroPoint of [[1, 14, 3], Uint8Array.of(1, 14, 3), packed([1, 14, 3])])
      expect(quantizeLinear(x, { ...options, zeroPoint, dtype: "uint4" })).toEqual(packed([1, 14, 3]));
    const single = { scale: 1, zeroPoint: Uint8Array.of(0x0f), dtype: "int4" } as const;
    expect(quantizeLinear(x, single)).toEqual(packed([-1, -1, -1]));
  });

  it("takes the result's type from what has one", () => {
    const x = new Float32Array(5);
    const int16 = quantizeLinear(x, { scale: 1, zeroPoint: Int16Array.of(3) });
    expectTypeOf(int16).toExtend<Int16Array>();
    expect(int16).toEqual(new Int16Array(5).fill(3));
    const uint16 = quantizeLinear(x, { scale: 1, dtype: "uint16" });
    expectTypeOf(uint16).toEqualTypeOf<Uint16Array>();
    expect(uint16).toBeInstanceOf(Uint16Array);
    const out = new Int16Array(5);
    expect(quantizeLinear(x, { scale: 1, out })).toBe(out);
    expect(quantizeLinear(x, { scale: 1, dtype: "uint4" })).toEqual(new Uint8Array(3));
  });

  const x = new Float32Array(12);
  const shape = [3, 4];
  test.each<[string, unknown, unknown, string]>([
    [
      "bits of an unknown float",
      new Uint16Array(4),
      { scale: 1 },
      '"float16" or "bfloat16", as a Uint16Array',
    ],
    ["an unknown float type", x, { scale: 1, inputDType: "float64" }, "one of float32, float16, bfloat16"],
    [
      "float32 that is said to be bfloat16",
      x,
      { scale: 1, inputDType: "bfloat16" },
      "of bfloat16 bits for x",
    ],
    [
      "an out of another length for 4 bits",
      x,
      { scale: 1, dtype: "int4", out: new Uint8Array(12) },
      "length 6",
    ],
    ["a zero point beyond 4 bits", x, { scale: 1, dtype: "int4", zeroPoint: 8 }, "an integer in -8..7"],
    [
      "a zero point beyond 16 bits",
      x,
      { scale: 1, dtype: "uint16", zeroPoint: -1 },
      "an integer in 0..65535",
    ],
    [
      "two packed zero points for one scale",
      x,
      { scale: 1, dtype: "int4", zeroPoint: Uint8Array.of(0x21) },
      "0 in the unused half of the last byte for zeroPoint but received 33",
    ],
    ["a block size of 0", x, { scale: [1], shape, blockSize: 0 }, "a whole number, 1 or more, for blockSize"],
    [
      "a block size that is no number",
      x,
      { scale: [1], shape, blockSize: "2" },
      "a number of elements for blockSize",
    ],
    [
      "one scale for all blocks",
      x,
      { scale: 1, shape, blockSize: 2 },
      "a list with a value per block for scale",
    ],
    ["blocks without a shape", x, { scale: [1, 1], blockSize: 2 }, "which several scales need, for shape"],
    [
      "a scale too few for the blocks",
      x,
      { scale: [1, 1, 1, 1, 1], shape, blockSize: 2 },
      "6 values, one per 2 along axis 1, for scale but received 5",
    ],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => quantizeLinear(input as Float32Array, options as QuantizeLinearOptions)).toThrow(message);
  });

  it("takes arrays without elements in every layout", () => {
    const empty = new Float32Array(0);
    expect(quantizeLinear(empty, { scale: [1, 1, 1], shape: [3, 0], axis: 0 })).toEqual(new Int8Array(0));
    expect(quantizeLinear(empty, { scale: [], shape: [0, 8], blockSize: 4 })).toEqual(new Int8Array(0));
  });
});

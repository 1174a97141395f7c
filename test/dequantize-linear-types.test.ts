import { describe, expect, expectTypeOf, it, test } from "vitest";
import {
  backends,
  type DequantizeLinearOptions,
  dequantizeLinear,
  type FloatDType,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../lib/index.js";
import { expectSame } from "./support/bytes.js";
import { asStored, granularities, packed, QUANTIZED, QUANTIZED_DTYPES, sizeOf } from "./support/linear.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomIntegers } from "./support/random.js";

const FLOATS: FloatDType[] = ["float32", "float16", "bfloat16"];
const TYPES = { ...QUANTIZED, int32: { array: Int32Array, zeroPoints: [0] } } as const;
const DTYPES = [...QUANTIZED_DTYPES, "int32"] as const;
const SHAPES = [[1], [5, 1], [7, 3, 5], [4, 70], [3, 2, 130], [2, 64, 3, 3], [2, 3000, 2], [2, 2100]];

/** Values of a type, an element each. */
function valuesOf(dtype: keyof typeof TYPES, length: number, seed: number) {
  const next = randomIntegers(seed);
  const values = TYPES[dtype].array.from({ length } as ArrayLike<number>).map(next);
  return dtype === "int4"
    ? values.map((value) => (value << 28) >> 28)
    : dtype === "uint4"
      ? values.map((value) => value & 15)
      : values;
}

function parametersFor(dtype: keyof typeof TYPES, shape: readonly number[]) {
  const { zeroPoints } = TYPES[dtype];
  const next = randomIntegers(sizeOf(shape) + 1);
  const scale = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => (i % 9 ? 1 : -1) / (1 + (next() % 700)),
  );
  return { scale, zeroPoint: Array.from(scale, () => zeroPoints[next() % zeroPoints.length]!) };
}

describe.each(backends().filter(({ name }) => name !== "js"))("dequantizeLinear on $name", (backend) => {
  describe.each(FLOATS)("to %s", (outputDType) => {
    test.each(DTYPES)("of %s equals js at every length 0..130", (dtype) => {
      for (let length = 0; length <= 130; length++) {
        const offset = length % 3;
        const q = asStored(dtype, valuesOf(dtype, length, length + 1)) as Int8Array;
        const from = new (q.constructor as Int8ArrayConstructor)(q.length + offset);
        from.set(q, offset);
        const options = { scale: 0.1, zeroPoint: TYPES[dtype].zeroPoints.at(-1)!, dtype, outputDType };
        const shape = [length];
        const expected = dequantizeLinear(q, { ...options, shape, backend: "js" });
        const guarded = new (expected.constructor as Float32ArrayConstructor)(length + 80).fill(99);
        const whole = guarded.slice();
        whole.set(expected as Float32Array, 40 - offset);
        const out = guarded.subarray(40 - offset, 40 - offset + length);
        dequantizeLinear(from.subarray(offset), { ...options, out, backend });
        expectSame(guarded, whole);
      }
    });

    test.each(SHAPES.map((shape) => ({ shape })))("shape $shape: every layout equals js", ({ shape }) => {
      for (const dtype of DTYPES)
        for (const { axis, blockSize, parameters } of granularities(shape, [2, 16, 32, 50])) {
          const q = asStored(dtype, valuesOf(dtype, sizeOf(shape), 7)) as Int8Array;
          const options = { ...parametersFor(dtype, parameters), shape, axis, blockSize, dtype, outputDType };
          expectSame(
            dequantizeLinear(q, { ...options, backend }) as Float32Array,
            dequantizeLinear(q, { ...options, backend: "js" }) as Float32Array,
          );
        }
    });
  });

  it("takes large arrays of every type around the cache or through it with the same bits", () => {
    const length = (8 << 20) + 78;
    for (const dtype of ["int16", "uint4"] as const)
      for (const outputDType of FLOATS) {
        const block = asStored(dtype, valuesOf(dtype, 1 << 16, 3)) as Int8Array;
        const q = new (block.constructor as Int8ArrayConstructor)((length / (1 << 16)) * block.length);
        for (let start = 0; start < q.length; start += block.length)
          q.set(block.subarray(0, q.length - start), start);
        const options = { scale: 0.1, dtype, outputDType };
        const expected = dequantizeLinear(block, { ...options, backend: "js" }) as Float32Array;
        const actual = dequantizeLinear(q, { ...options, backend }) as Float32Array;
        for (let start = 0; start < length; start += expected.length) {
          const part = actual.subarray(start, start + expected.length);
          expectSame(part, expected.subarray(0, part.length));
        }
      }
  });
});

describe("dequantizeLinear", () => {
  const shape = [4, 6, 33];
  // onnxruntime has no kernel for bfloat16.
  describe.each(["float32", "float16"] as const)("to %s", (outputDType) => {
    test.each(DTYPES)("of %s equals onnxruntime in every layout, on every backend", async (dtype) => {
      for (const { axis, blockSize, parameters } of granularities(shape, [2, 4, 16])) {
        const values = valuesOf(dtype, sizeOf(shape), 11);
        const { zeroPoint, scale: wide } = parametersFor(dtype, parameters);
        const narrowScale = outputDType === "float16" ? float32ToFloat16(wide) : wide;
        const scale = narrowScale instanceof Uint16Array ? float16ToFloat32(narrowScale) : narrowScale;
        const [expected] = await runOnnx(
          {
            op: "DequantizeLinear",
            inputs: [
              { name: "x", dtype, shape },
              { name: "scale", dtype: outputDType, shape: parameters },
              { name: "zero_point", dtype, shape: parameters },
            ],
            outputs: [{ name: "y", dtype: outputDType, shape }],
            attributes: {
              ...(axis === undefined ? {} : { axis }),
              ...(blockSize === undefined ? {} : { block_size: blockSize }),
            },
            opset: 21,
          },
          [values, narrowScale, TYPES[dtype].array.from(zeroPoint)],
        );
        const q = asStored(dtype, values) as Int8Array;
        const options = { scale, zeroPoint, shape, axis, blockSize, dtype, outputDType };
        for (const backend of backends())
          expectSame(dequantizeLinear(q, { ...options, backend }) as Float32Array, expected!);
      }
    });
  });

  it("to bfloat16 is the float32 result, rounded", () => {
    for (const dtype of DTYPES) {
      const q = asStored(dtype, valuesOf(dtype, 4000, 13)) as Int8Array;
      const options = { scale: 0.0123, dtype };
      expectSame(
        dequantizeLinear(q, { ...options, outputDType: "bfloat16" }),
        float32ToBfloat16(dequantizeLinear(q, options)),
      );
    }
  });

  it("reads two values of 4 bits from a byte, as many as shape or out say", () => {
    const bytes = packed([1, -2, 7]);
    const options = { scale: 1, dtype: "int4" } as const;
    expect([...dequantizeLinear(bytes, options)]).toEqual([1, -2, 7, 0]);
    expect([...dequantizeLinear(bytes, { ...options, shape: [3] })]).toEqual([1, -2, 7]);
    expect([...dequantizeLinear(bytes, { ...options, out: new Float32Array(3) })]).toEqual([1, -2, 7]);
    const unsigned = { scale: 1, dtype: "uint4", zeroPoint: 1, shape: [3] } as const;
    expect([...dequantizeLinear(bytes, unsigned)]).toEqual([0, 13, 6]);
  });

  it("takes the result's type from outputDType or out", () => {
    const q = Int16Array.of(1, -1);
    const halves = dequantizeLinear(q, { scale: 2, outputDType: "float16" });
    expectTypeOf(halves).toEqualTypeOf<Uint16Array>();
    expect(halves).toEqual(Uint16Array.of(0x4000, 0xc000));
    const out = new Uint16Array(2);
    expect(dequantizeLinear(q, { scale: 2, out, outputDType: "bfloat16" })).toBe(out);
    expect(out).toEqual(Uint16Array.of(0x4000, 0xc000));
    expectTypeOf(dequantizeLinear(q, { scale: 2 })).toEqualTypeOf<Float32Array>();
  });

  const bytes = new Uint8Array(6);
  test.each<[string, unknown, unknown, string]>([
    [
      "bytes as 16 bits",
      bytes,
      { scale: 1, dtype: "int16" },
      "uint8, int4 or uint4, which a Uint8Array holds,",
    ],
    ["16 bits as 4", new Uint16Array(2), { scale: 1, dtype: "uint4" }, '"uint16", the type of q,'],
    [
      "more values than the bytes hold",
      bytes,
      { scale: 1, dtype: "int4", shape: [13] },
      '7 bytes, two values in each, for q but received "6 bytes"',
    ],
    ["fewer values than the bytes hold", bytes, { scale: 1, dtype: "int4", shape: [2, 5] }, "5 bytes"],
    ["an unknown result", bytes, { scale: 1, outputDType: "float64" }, "one of float32, float16, bfloat16"],
    ["an out whose floats are not known", bytes, { scale: 1, out: new Uint16Array(6) }, "for outputDType"],
    [
      "an out of another type",
      bytes,
      { scale: 1, out: new Float32Array(6), outputDType: "float16" },
      "float16 bits",
    ],
    [
      "blocks that do not fit",
      bytes,
      { scale: [1, 1], shape: [6], axis: 0, blockSize: 2 },
      "3 values, one per 2",
    ],
  ])("refuses %s", (_, q, options, message) => {
    expect(() => dequantizeLinear(q as Int8Array, options as DequantizeLinearOptions)).toThrow(message);
  });
});

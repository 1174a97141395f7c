import { describe, expect, it, test } from "vitest";
import {
  bfloat16ToFloat32,
  type CompressedWeight,
  compressWeight,
  decompressWeight,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  type SchemeName,
  type Tensor,
  type WeightScheme,
} from "../lib/index.js";
import { randomIntegers } from "./support/random.js";

const matrix = (rows: number, cols: number, values: Iterable<number>): Tensor => ({
  dtype: "float32",
  shape: [rows, cols],
  data: Float32Array.from(values),
});
const scheme = (
  format: WeightScheme["format"],
  bits: 4 | 8,
  strategy: WeightScheme["strategy"],
  more: Partial<WeightScheme> = {},
): WeightScheme => ({ format, bits, strategy, ...more });

describe("compressWeight", () => {
  // The largest magnitude is 7.5 steps, so a step is 1; -7.5 goes to the even step -8. Steps are stored from 0 up, low bits first.
  it("packs eight values of 4 bits into an int32, and the rest of a row into one of its own", () => {
    const weight = matrix(2, 9, [-7.5, 7, 0, 1, 2, 3, 4, 5, 6, 7.5, -8 / 2, 0, 0, 0, 0, 0, 0, 1]);
    const parts = compressWeight(weight, scheme("pack-quantized", 4, "channel"));
    expect(parts).toEqual({
      weight_packed: {
        dtype: "int32",
        shape: [2, 2],
        data: Int32Array.of(0xdcba98f0 | 0, 0xe, 0x8888884f | 0, 0x9),
      },
      weight_shape: { dtype: "int64", shape: [2], data: BigInt64Array.of(2n, 9n) },
      weight_scale: { dtype: "float32", shape: [2, 1], data: Float32Array.of(1, 1) },
    });
    expect(decompressWeight(parts)).toEqual(
      matrix(2, 9, [-8, 7, 0, 1, 2, 3, 4, 5, 6, 7, -4, 0, 0, 0, 0, 0, 0, 1]),
    );
  });

  it("packs four values of 8 bits into an int32", () => {
    const parts = compressWeight(
      matrix(1, 5, [-127.5, 127, 0, -1, 1]),
      scheme("pack-quantized", 8, "tensor"),
    );
    expect(parts.weight_packed!.data).toEqual(Int32Array.of(0x7f80ff00, 0x81));
    expect(parts.weight_scale).toEqual({ dtype: "float32", shape: [1], data: Float32Array.of(1) });
    expect(decompressWeight(parts)).toEqual(matrix(1, 5, [-128, 127, 0, -1, 1]));
  });

  // Each group of two holds the ends of a range of 15 steps, of which z lie below 0.
  it("packs zero points across the rows", () => {
    const values = Array.from({ length: 9 }, (_, row) => [0 - row, 15 - row, -1 - row, 14 - row]).flat();
    const options = { groupSize: 2, symmetric: false };
    const parts = compressWeight(matrix(9, 4, values), scheme("pack-quantized", 4, "group", options));
    expect(parts.weight_zero_point).toEqual({
      dtype: "int32",
      shape: [2, 2],
      data: Int32Array.of(0x76543210, 0x87654321 | 0, 8, 9),
    });
    expect(parts.weight_packed!.data).toEqual(new Int32Array(9).fill(0xf0f0));
    expect(parts.weight_scale!.shape).toEqual([9, 2]);
    expect(decompressWeight(parts)).toEqual(matrix(9, 4, values));
  });

  it("keeps int8 values and zero points as they are for int-quantized", () => {
    const weight = matrix(2, 3, [-100, 0, 155, 0, 1, 255]);
    const parts = compressWeight(weight, scheme("int-quantized", 8, "channel", { symmetric: false }));
    expect(parts).toEqual({
      weight: { dtype: "int8", shape: [2, 3], data: Int8Array.of(-128, -28, 127, -128, -127, 127) },
      weight_scale: { dtype: "float32", shape: [2, 1], data: Float32Array.of(1, 1) },
      weight_zero_point: { dtype: "int8", shape: [2, 1], data: Int8Array.of(-28, -128) },
    });
    expect(decompressWeight(parts)).toEqual(weight);
  });

  it("gives what is zero throughout a scale that can divide", () => {
    for (const symmetric of [true, false]) {
      const parts = compressWeight(matrix(1, 8, new Float32Array(8)), {
        ...scheme("pack-quantized", 4, "channel"),
        symmetric,
      });
      expect(parts.weight_scale!.data).toEqual(Float32Array.of(2 ** -23));
      expect(decompressWeight(parts).data).toEqual(new Float32Array(8));
    }
  });

  const schemes: [string, SchemeName | WeightScheme][] = [
    ["W4A16", "W4A16"],
    ["W4A16_ASYM", "W4A16_ASYM"],
    ["W8A16", "W8A16"],
    ["W8A8", "W8A8"],
    ["4 bits per tensor with a zero point", scheme("pack-quantized", 4, "tensor", { symmetric: false })],
    ["int8 per tensor", scheme("int-quantized", 8, "tensor", { symmetric: false })],
    ["int8 in groups", scheme("int-quantized", 8, "group", { groupSize: 32, symmetric: false })],
    ["4 bits in groups of odd size", scheme("pack-quantized", 4, "group", { groupSize: 3 })],
  ];
  const types = {
    float32: { encode: (x: Float32Array) => x, decode: (x: Tensor["data"]) => x as Float32Array, step: 0 },
    float16: {
      encode: (x: Float32Array) => float32ToFloat16(x),
      decode: (x: Tensor["data"]) => float16ToFloat32(x as Uint16Array),
      step: 2 ** -10,
    },
    bfloat16: {
      encode: (x: Float32Array) => float32ToBfloat16(x),
      decode: (x: Tensor["data"]) => bfloat16ToFloat32(x as Uint16Array),
      step: 2 ** -7,
    },
  };

  // More rows than are worked on at a time.
  test.each(schemes)("%s comes back within half a step, in the type of the floats", (_, how) => {
    const rows = 1200;
    const cols = 384;
    const next = randomIntegers(7);
    const floats = Float32Array.from(
      { length: rows * cols },
      (_, i) => (next() / 2 ** 32 - 0.4) * (1 + (i % 5)),
    );
    for (const [dtype, { encode, decode, step }] of Object.entries(types)) {
      const data = encode(floats);
      const parts = compressWeight({ dtype: dtype as "float32", shape: [rows, cols], data }, how);
      const scales = decode(parts.weight_scale!.data);
      const back = decompressWeight(parts);
      expect(back).toMatchObject({ dtype, shape: [rows, cols] });
      const exact = decode(data);
      const values = decode(back.data);
      const perScale = exact.length / scales.length;
      let worst = 0;
      for (let i = 0; i < exact.length; i++) {
        const error = Math.abs(values[i]! - exact[i]!) - Math.abs(exact[i]!) * step;
        worst = Math.max(worst, error / scales[Math.floor(i / perScale)]!);
      }
      // A zero point is rounded too, and of a scale rounded down the ends are cut.
      expect(worst).toBeLessThan(parts.weight_zero_point ? 1.01 + 256 * step : 0.501 + 128 * step);
    }
  });

  const plain = matrix(2, 4, [1, 2, 3, 4, 5, 6, 7, 8]);
  test.each<[string, Tensor, unknown, RegExp]>([
    [
      "integers",
      { ...plain, dtype: "int32", data: new Int32Array(8) },
      "W8A8",
      /float32, float16 or bfloat16/,
    ],
    ["a vector", { ...plain, shape: [8] }, "W8A8", /a matrix/],
    ["a matrix without rows", { ...plain, shape: [0, 4], data: new Float32Array(0) }, "W8A8", /a matrix/],
    ["an array of another type", { ...plain, data: new Uint16Array(8) }, "W8A8", /Float32Array/],
    ["too few values", { ...plain, data: new Float32Array(7) }, "W8A8", /8 values/],
    ["rows that groups do not divide", plain, "W4A16", /multiple of 128/],
    ["NaN", matrix(2, 2, [1, 2, 3, NaN]), "W8A8", /row 1 holds NaN/],
    [
      "infinity",
      matrix(1, 2, [1, Infinity]),
      { ...scheme("int-quantized", 8, "tensor") },
      /the weight holds NaN/,
    ],
    ["an unknown scheme", plain, "W2A16", /one of W4A16, W4A16_ASYM, W8A16, W8A8/],
    ["no scheme", plain, undefined, /a scheme or its name/],
    ["an unknown format", plain, { format: "marlin-24", bits: 4, strategy: "channel" }, /pack-quantized/],
    ["int-quantized of 4 bits", plain, scheme("int-quantized", 4, "channel"), /Expected 8 for bits/],
    [
      "an unknown strategy",
      plain,
      { ...scheme("pack-quantized", 4, "tensor"), strategy: "block" },
      /strategy/,
    ],
    ["groups without a size", plain, scheme("pack-quantized", 4, "group"), /groupSize/],
    ["a size without groups", plain, scheme("pack-quantized", 4, "channel", { groupSize: 4 }), /groupSize/],
    [
      "a symmetric that is no boolean",
      plain,
      { ...scheme("pack-quantized", 4, "channel"), symmetric: 1 },
      /true or false/,
    ],
  ])("refuses %s", (_, weight, how, message) => {
    expect(() => compressWeight(weight, how as SchemeName)).toThrow(message);
  });

  it("refuses values too far apart for one scale", () => {
    const far = scheme("pack-quantized", 4, "channel", { symmetric: false });
    expect(() => compressWeight(matrix(1, 2, [-3e38, 3e38]), far)).toThrow(/too far apart/);
  });
});

describe("decompressWeight", () => {
  const packed = compressWeight(
    matrix(
      9,
      4,
      Array.from({ length: 36 }, (_, i) => i - 18),
    ),
    {
      ...scheme("pack-quantized", 4, "group", { groupSize: 2, symmetric: false }),
    },
  );
  const shaped = (part: keyof CompressedWeight, shape: number[]) => ({ ...packed[part]!, shape });
  const { weight_zero_point: _zeroPoint, ...symmetric } = packed;

  it("takes scales in one dimension: one for the weight, or one for each row", () => {
    const weight: Tensor = { dtype: "int8", shape: [2, 2], data: Int8Array.of(1, 2, 3, 4) };
    const scales = (...values: number[]): Tensor => ({
      dtype: "float32",
      shape: [values.length],
      data: Float32Array.from(values),
    });
    expect(decompressWeight({ weight, weight_scale: scales(2) }).data).toEqual(Float32Array.of(2, 4, 6, 8));
    expect(decompressWeight({ weight, weight_scale: scales(2, 3) }).data).toEqual(
      Float32Array.of(2, 4, 9, 12),
    );
  });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    ["no weight", { weight_scale: packed.weight_scale! }, /an int8 weight and weight_scale/],
    [
      "a size that the values do not have",
      { ...packed, weight_shape: { ...packed.weight_shape!, data: BigInt64Array.of(9n, 16n) } },
      /\[9, 1\] int32 do not hold a matrix of \[9, 16\]/,
    ],
    [
      "more rows than there are",
      { ...packed, weight_shape: { ...packed.weight_shape!, data: BigInt64Array.of(10n, 4n) } },
      /do not hold a matrix of \[10, 4\]/,
    ],
    [
      "a size of 2^60",
      { ...packed, weight_shape: { ...packed.weight_shape!, data: BigInt64Array.of(2n ** 60n, 4n) } },
      /not supported/,
    ],
    [
      "a negative size",
      { ...packed, weight_shape: { ...packed.weight_shape!, data: BigInt64Array.of(-9n, 4n) } },
      /not supported/,
    ],
    [
      "groups that do not divide the columns",
      { ...symmetric, weight_scale: { ...shaped("weight_scale", [9, 3]), data: new Float32Array(27) } },
      /scales of shape \[9, 3\] do not fit/,
    ],
    ["scales of other rows", { ...symmetric, weight_scale: shaped("weight_scale", [6, 3]) }, /do not fit/],
    [
      "scales of integers",
      { ...symmetric, weight_scale: { dtype: "int32", shape: [9, 2], data: new Int32Array(18) } },
      /int32 scales/,
    ],
    [
      "a scale that is NaN",
      { ...symmetric, weight_scale: { ...packed.weight_scale!, data: new Float32Array(18).fill(NaN) } },
      /NaN or infinite/,
    ],
    [
      "zero points of another shape",
      { ...packed, weight_zero_point: shaped("weight_zero_point", [1, 4]) },
      /zero points of shape \[1, 4\] do not fit; they should be int32 \[2, 2\]/,
    ],
    [
      "columns in an order of their own",
      { ...packed, weight_g_idx: { dtype: "int32", shape: [4], data: new Int32Array(4) } },
      /weight_g_idx/,
    ],
    [
      "data that is too short",
      { ...packed, weight_packed: { ...packed.weight_packed!, data: new Int32Array(8) } },
      /36 bytes for data of weight_packed/,
    ],
  ])("refuses %s", (_, parts, message) => {
    expect(() => decompressWeight(parts)).toThrow(RangeError);
    expect(() => decompressWeight(parts)).toThrow(message);
  });
});

import { describe, expect, it, test } from "vitest";
import { backends, countNonzero } from "../lib/index.js";
import { randomBitPatterns } from "./support/random.js";

describe.each(backends())("countNonzero on $name", (backend) => {
  it("takes zeros of either sign for zeros, and NaN and denormals for none", () => {
    expect(countNonzero(Float32Array.of(0, -0, NaN, 2 ** -149, 1), { backend })).toBe(3);
    const halves = Uint16Array.of(0, 0x8000, 0x3c00, 0x7e00, 1);
    expect(countNonzero(halves, { backend })).toBe(4);
    for (const dtype of ["float16", "bfloat16"] as const)
      expect(countNonzero(halves, { dtype, backend })).toBe(3);
    expect(countNonzero(Int8Array.of(0, -128, 3), { backend })).toBe(2);
  });

  test.each([Float32Array, Int32Array, Int16Array, Uint16Array, Int8Array, Uint8Array])(
    "counts a %o of every length and offset",
    (Type) => {
      const bits = randomBitPatterns(200, 4).buffer as ArrayBuffer;
      for (let length = 0; length <= 100; length++) {
        const x = new Type(bits, 4, length).map((value, i) => (i % 3 === length % 3 ? value : 0));
        expect(countNonzero(x, { backend })).toBe(Array.from(x).filter((value) => value !== 0).length);
      }
    },
  );

  it("counts the same with any threads", () => {
    const x = new Float32Array(3_000_001).fill(1, 1000, 2_000_000);
    for (const threads of [1, 2, 3]) expect(countNonzero(x, { backend, threads })).toBe(1_999_000);
  });
});

test.each<[string, unknown, Record<string, unknown>, RegExp]>([
  ["wider elements", new Float64Array(2), {}, /1, 2 or 4 bytes/],
  ["a type that is not the array's", new Int8Array(2), { dtype: "float16" }, /Uint16Array/],
  ["an unknown type", new Uint16Array(2), { dtype: "float8" }, /float16 or bfloat16/],
])("countNonzero refuses %s", (_, x, options, message) => {
  expect(() => countNonzero(x as Float32Array, options)).toThrow(message);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backends,
  bfloat16ToFloat32,
  type CastOptions,
  dequantizeGguf,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  histogram,
  minMax,
  quantizeGguf,
} from "../lib/index.js";
import { anyBits, equalOnAllBackends, finite, isRising, LARGEST, layouts } from "./support/properties.js";

interface Half {
  dtype: string;
  narrow(x: Float32Array, options: CastOptions<Uint16Array>): Uint16Array;
  widen(x: Uint16Array, options: CastOptions<Float32Array>): Float32Array;
  /** Below which nothing rounds to infinity. */
  limit: number;
  digits: number;
  smallest: number;
}

const HALVES: Half[] = [
  {
    dtype: "float16",
    narrow: float32ToFloat16,
    widen: float16ToFloat32,
    limit: 65504,
    digits: 11,
    smallest: 2 ** -24,
  },
  {
    dtype: "bfloat16",
    narrow: float32ToBfloat16,
    widen: bfloat16ToFloat32,
    limit: 2 ** 127,
    digits: 8,
    smallest: 2 ** -133,
  },
];

describe.each(backends())("on $name", (backend) => {
  describe.each(HALVES)("$dtype", ({ narrow, widen, limit, digits, smallest }) => {
    it("is within half a unit of its last digit, rises, and stays when it is narrowed again", () => {
      fc.assert(
        fc.property(finite(limit), (values) => {
          const x = values.sort();
          const narrowed = narrow(x, { backend });
          const back = widen(narrowed, { backend });
          const near = (value: number, i: number) =>
            Math.abs(value - back[i]!) <= Math.max(Math.abs(value) * 2 ** -digits, smallest / 2);
          expect(x.every(near)).toBe(true);
          expect(isRising(back)).toBe(true);
          expect(narrow(back, { backend })).toEqual(narrowed);
        }),
      );
    });

    it("has the same bytes as js for any bits", () => {
      fc.assert(
        fc.property(anyBits, (x) => {
          equalOnAllBackends(backend, (each) => narrow(x, { backend: each }));
          const bits = new Uint16Array(x.buffer, x.byteOffset, 2 * x.length);
          equalOnAllBackends(backend, (each) => widen(bits, { backend: each }));
        }),
      );
    });
  });

  describe.each([
    { type: "Q8_0", half: 0.5 },
    { type: "Q4_0", half: 1 }, // the end without a step of its own is a whole step away
  ] as const)("GGUF $type", ({ type, half }) => {
    // An eighth of it is the scale of Q4_0, which is a float16.
    const blocks = fc.float32Array({ minLength: 32, maxLength: 32, min: -5e5, max: 5e5, noNaN: true });

    it("is near, rises within a block, and stays when it is quantized again", () => {
      fc.assert(
        fc.property(blocks, (values) => {
          const x = values.sort();
          const quantized = quantizeGguf(x, { type, backend });
          const back = dequantizeGguf(quantized, { type, backend });
          const largest = Math.max(...x.map(Math.abs));
          const step = largest / (type === "Q8_0" ? 127 : 8);
          // The scale is a float16: 11 digits, and no finer than 2^-24.
          const bound = half * step + 128 * Math.max(step * 2 ** -11, 2 ** -25);
          expect(x.every((value, i) => Math.abs(value - back[i]!) <= bound)).toBe(true);
          expect(isRising(back)).toBe(true);
          const again = dequantizeGguf(quantizeGguf(back, { type, backend }), { type, backend });
          expect(again.every((value, i) => value === back[i])).toBe(true);
        }),
      );
    });

    it("has the same bytes as js for any bits", () => {
      fc.assert(
        fc.property(fc.uint32Array({ minLength: 32 * 9, maxLength: 32 * 9 }), (bits) => {
          const x = new Float32Array(bits.buffer);
          equalOnAllBackends(backend, (each) => quantizeGguf(x, { type, backend: each }));
          // 1,152 bytes are 64 blocks of 18, and 1,122 of them 33 blocks of 34.
          const stored = new Uint8Array(bits.buffer, 0, type === "Q8_0" ? 1122 : 1152);
          equalOnAllBackends(backend, (each) => dequantizeGguf(stored, { type, backend: each }));
        }),
      );
    });
  });

  it("minMax: two of the values, none beyond them, from two halves as from the whole", () => {
    fc.assert(
      fc.property(finite(LARGEST, 2), fc.nat(), (x, cut) => {
        const { min, max } = minMax(x, { backend });
        expect(x.some((value) => value === min) && x.some((value) => value === max)).toBe(true);
        expect(x.every((value) => min <= value && value <= max)).toBe(true);
        const at = 1 + (cut % (x.length - 1));
        const [left, right] = [minMax(x.subarray(0, at), { backend }), minMax(x.subarray(at), { backend })];
        expect([Math.min(left.min, right.min), Math.max(left.max, right.max)]).toEqual([min, max]);
      }),
    );
  });

  it("minMax: the same bytes as js for any bits, per tensor and per channel", () => {
    fc.assert(
      fc.property(layouts, fc.infiniteStream(fc.integer()), ({ shape, length }, stream) => {
        const x = new Float32Array(Int32Array.from({ length }, () => stream.next().value).buffer);
        expect(minMax(x, { backend })).toEqual(minMax(x, { backend: "js" }));
        for (const axis of [0, 1, 2])
          equalOnAllBackends(backend, (each) => {
            const { min, max } = minMax(x, { shape, axis, backend: each });
            return Float32Array.of(...min, ...max);
          });
      }),
      { numRuns: 30 },
    );
  });

  it("histogram: every value in the bin whose edges hold it", () => {
    const ends = fc.float({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ends, ends, fc.integer({ min: 1, max: 300 }), anyBits, (a, b, bins, noise) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(max - min > bins * ((Math.abs(a) + Math.abs(b)) / 2 ** 21 + 2 ** -140));
        const edges = Float32Array.from({ length: bins + 1 }, (_, i) => min + i * ((max - min) / bins));
        edges[bins] = max;
        const x = Float32Array.of(...edges, ...noise);
        const bits = new Int32Array(x.buffer);
        for (let i = 0; i <= bins; i++) bits[i]! += (i % 3) - 1;
        const counts = histogram(x, { min, max, bins, backend });
        const held = Float64Array.from(
          { length: bins },
          (_, i) =>
            x.filter((v) => v >= edges[i]! && (v < edges[i + 1]! || (i === bins - 1 && v === edges[bins])))
              .length,
        );
        expect(counts).toEqual(held);
      }),
    );
  });
});

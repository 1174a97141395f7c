import { describe, expect, it } from "vitest";
import { backends, dequantizeLinear, minMax, quantizeLinear } from "../lib/index.js";
import { randomBitPatterns } from "./support/random.js";

// Rows that are narrower than a vector, a cache line and a tile of the kernels, of their widths, and beyond.
const CHANNELS = [17, 33, 256, 1000, 5000];
const OFFSETS = [0, 5];
const LARGE = 8 << 20;

/** Copies of block, one after the other; the last one may be cut. */
function repeat<T extends Float32Array | Int8Array>(to: T, block: T): T {
  for (let start = 0; start < to.length; start += block.length)
    to.set(block.subarray(0, to.length - start), start);
  return to;
}

function expectCopies(y: Float32Array | Int8Array, block: Float32Array | Int8Array): void {
  const bytes = Buffer.from(y.buffer, y.byteOffset, y.byteLength);
  const expected = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  for (let start = 0; start < bytes.length; start += expected.length) {
    const part = bytes.subarray(start, start + expected.length);
    expect(part.equals(expected.subarray(0, part.length))).toBe(true);
  }
}

describe.each(backends())("the last axis of large arrays, $name", (backend) => {
  describe.each(CHANNELS)("%i channels", (channels) => {
    const rows = Math.ceil(LARGE / channels) + 3;
    const length = rows * channels;
    const scale = Float32Array.from({ length: channels }, (_, i) => 0.01 + (i % 13) / 100);
    const zeroPoint = Int8Array.from(scale, (_, i) => (i % 5) - 2);
    const block = channels * 11;
    const shape = [rows, channels];

    it("is quantized as small ones are, into arrays of any alignment", () => {
      const some = randomBitPatterns(block, channels);
      const x = repeat(new Float32Array(length), some);
      const params = { scale, zeroPoint, axis: 1 };
      const expected = quantizeLinear(some, {
        ...params,
        shape: [11, channels],
        backend: "js",
      }) as Int8Array;
      for (const offset of OFFSETS) {
        const guarded = new Int8Array(length + 64).fill(99);
        const out = guarded.subarray(offset, offset + length);
        expectCopies(quantizeLinear(x, { ...params, shape, out, backend }) as Int8Array, expected);
        expect([...guarded.subarray(0, offset), ...guarded.subarray(offset + length)]).toEqual(
          Array(64).fill(99),
        );
      }
    });

    it("is dequantized as small ones are, into arrays of any alignment", () => {
      const some = Int8Array.from({ length: block }, (_, i) => (i * 89) % 256);
      const q = repeat(new Int8Array(length), some);
      const params = { scale, zeroPoint, axis: 1 };
      const expected = dequantizeLinear(some, { ...params, shape: [11, channels], backend: "js" });
      for (const offset of OFFSETS) {
        const guarded = new Float32Array(length + 64).fill(99);
        const out = guarded.subarray(offset, offset + length);
        expectCopies(dequantizeLinear(q, { ...params, shape, out, backend }), expected);
        expect([...guarded.subarray(0, offset), ...guarded.subarray(offset + length)]).toEqual(
          Array(64).fill(99),
        );
      }
    });

    it("has the ranges of its channels", () => {
      const some = randomBitPatterns(block, channels + 1).map((value: number) =>
        Number.isNaN(value) ? 0 : value,
      );
      const x = repeat(new Float32Array(length), some);
      const expected = minMax(some, { shape: [11, channels], axis: 1, backend: "js" });
      expect(minMax(x, { shape, axis: 1, backend })).toEqual(expected);
    });
  });
});

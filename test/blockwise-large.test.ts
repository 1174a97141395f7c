import { describe, expect, test } from "vitest";
import { backends, dequantizeBlockwise, quantizeBlockwise } from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns } from "./support/random.js";

// Large enough that kernels work in parts and around the cache; the last block, part and vector are not whole.
const SHAPES = [
  { rows: 2070, cols: 4128 },
  { rows: 2050, cols: 4133 },
  { rows: 600, cols: 16_000 },
];
const LAYOUTS = [
  { bits: 4, blockSize: 32, symmetric: true },
  { bits: 4, blockSize: 16, symmetric: false },
  { bits: 8, blockSize: 128, symmetric: false },
] as const;

/** The bytes of a and b are equal; without the diff of millions of elements when they are not. */
function expectEqual(a: Uint8Array | Float32Array, b: Uint8Array | Float32Array): void {
  expect(Buffer.compare(bytesOf(a), bytesOf(b))).toBe(0);
}

/** The values of one column, in order. */
function columnOf(
  w: Float32Array,
  options: { rows: number; cols: number; transposed: boolean },
  column: number,
) {
  const { rows, cols, transposed } = options;
  const indexOf = (row: number) => (transposed ? column * rows + row : row * cols + column);
  const bits = new Uint32Array(w.buffer);
  return new Float32Array(Uint32Array.from({ length: rows }, (_, row) => bits[indexOf(row)]!).buffer);
}

/** Zeros of both signs, NaN, and numbers of all magnitudes. */
function matrix(length: number): Float32Array {
  const w = new Float32Array(length);
  const some = randomBitPatterns(65_537, 11).map((value, i) => (i % 2 === 0 ? value : (i % 511) - 255));
  for (let i = 0; i < length; i += some.length) w.set(some.subarray(0, length - i), i);
  for (let i = 0; i < length; i += 977) w.fill(i % 2 === 0 ? -0 : 0, i, i + 300);
  return w;
}

describe.each(backends())("large weights in blocks on $name", (backend) => {
  describe.each(SHAPES)("$rows x $cols", ({ rows, cols }) => {
    const w = matrix(rows * cols);
    test.each(LAYOUTS.flatMap((layout) => [false, true].map((transposed) => ({ ...layout, transposed }))))(
      "$bits bits in blocks of $blockSize, symmetric $symmetric, transposed $transposed: as in JavaScript",
      (layout) => {
        const options = { rows, cols, ...layout };
        const expected = quantizeBlockwise(w, { ...options, backend: "js" });
        const { packed, scales, zeroPoints } = quantizeBlockwise(w, { ...options, backend });
        expectEqual(packed, expected.packed);
        expectEqual(scales, expected.scales);
        if (zeroPoints) expectEqual(zeroPoints, expected.zeroPoints!);
        const column = cols - 7;
        const alone = quantizeBlockwise(columnOf(w, options, column), { ...options, cols: 1, backend: "js" });
        const bytes = alone.packed.length;
        expectEqual(packed.subarray(column * bytes, (column + 1) * bytes), alone.packed);

        const from = { rows, cols, ...layout, scales, zeroPoints };
        const floats = dequantizeBlockwise(packed, { ...from, backend: "js" });
        for (const offset of [0, 3]) {
          const guarded = new Float32Array(w.length + 16).fill(99);
          const out = guarded.subarray(offset, offset + w.length);
          expectEqual(dequantizeBlockwise(packed, { ...from, out, backend }), floats);
          const around = [...guarded.subarray(0, offset), ...guarded.subarray(offset + w.length)];
          expect(around).toEqual(Array(16).fill(99));
        }
      },
    );
  });
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  type BlockwiseArrays,
  backends,
  dequantizeBlockwise,
  type QuantizeBlockwiseOptions,
  quantizeBlockwise,
} from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

interface Vector {
  name: string;
  rows: number;
  cols: number;
  blockSize: number;
  bits: 4 | 8;
  symmetric: boolean;
  w: string;
  packed: string;
  scales: string;
  zeroPoints?: string;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("vectors/blockwise.json", import.meta.url), "utf8"),
) as Vector[];

function floats(hex: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
}

function hexOf({ packed, scales, zeroPoints }: BlockwiseArrays) {
  const hex = (array: Uint8Array | Float32Array) => Buffer.from(bytesOf(array)).toString("hex");
  return { packed: hex(packed), scales: hex(scales), ...(zeroPoints && { zeroPoints: hex(zeroPoints) }) };
}

function transpose(w: Float32Array, rows: number, cols: number): Float32Array {
  const bits = new Uint32Array(w.buffer, w.byteOffset, w.length);
  const turned = new Uint32Array(w.length);
  for (let i = 0; i < w.length; i++) turned[(i % cols) * rows + Math.floor(i / cols)] = bits[i]!;
  return new Float32Array(turned.buffer);
}

/** Values of one magnitude per block of 16 rows, from denormal to huge, some with ties, some of any bits at all. */
function mixedMatrix(rows: number, cols: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  const w = randomBitPatterns(rows * cols, next());
  for (let row = 0; row < rows; row += 16) {
    if (next() % 8 === 0) continue;
    const unit = 2 ** ((next() % 270) - 145);
    const step = next() % 2 === 0 ? 0.5 : (next() % 1000) / 999;
    const last = Math.min(row + 16, rows) * cols;
    for (let i = row * cols; i < last; i++) w[i] = ((next() % 509) - 254) * step * unit;
  }
  return w;
}

const LAYOUTS = [4, 8].flatMap((bits) =>
  [16, 32, 64, 128, 256].flatMap((blockSize) =>
    [true, false].map((symmetric) => ({ bits: bits as 4 | 8, blockSize, symmetric })),
  ),
);

describe.each(backends())("quantizeBlockwise on $name", (backend) => {
  test.each(vectors)(
    "$name: onnxruntime's bytes",
    ({ name: _, w, packed, scales, zeroPoints, ...layout }) => {
      const expected = { packed, scales, ...(zeroPoints !== undefined && { zeroPoints }) };
      const rows = floats(w);
      expect(hexOf(quantizeBlockwise(rows, { ...layout, backend }))).toEqual(expected);
      const columns = transpose(rows, layout.rows, layout.cols);
      expect(hexOf(quantizeBlockwise(columns, { ...layout, transposed: true, backend }))).toEqual(expected);
    },
  );

  test.each(LAYOUTS)(
    "$bits bits, blocks of $blockSize, symmetric $symmetric: equals js in every layout and size",
    (options) => {
      const { blockSize } = options;
      const sizes = [
        [blockSize * 3, 43],
        [blockSize * 2 + 7, 17],
        [blockSize - 1, 8],
        [1, 3],
        [blockSize * 9, 70],
      ] as const;
      for (const [rows, cols] of sizes) {
        const w = mixedMatrix(rows, cols, rows + cols);
        for (const transposed of [false, true]) {
          const layout = { ...options, rows, cols, transposed };
          const expected = quantizeBlockwise(w, { ...layout, backend: "js" });
          expect(hexOf(quantizeBlockwise(w, { ...layout, backend }))).toEqual(hexOf(expected));
        }
      }
    },
  );

  it("equals js where a row is longer than what stays in the cache", () => {
    const layout = { rows: 128, cols: 1100, blockSize: 32, symmetric: false };
    const w = mixedMatrix(layout.rows, layout.cols, 5);
    const expected = quantizeBlockwise(w, { ...layout, backend: "js" });
    expect(hexOf(quantizeBlockwise(w, { ...layout, backend }))).toEqual(hexOf(expected));
  });

  it("writes into parts of larger arrays and nothing beside them", () => {
    const layout = { rows: 35, cols: 19, blockSize: 16, bits: 4, symmetric: false } as const;
    const w = mixedMatrix(layout.rows, layout.cols, 2);
    const expected = quantizeBlockwise(w, { ...layout, backend: "js" });
    const guard = <A extends Uint8Array | Float32Array>(array: A) => array.fill(99) as A;
    const around = {
      packed: guard(new Uint8Array(expected.packed.length + 64)),
      scales: guard(new Float32Array(expected.scales.length + 64)),
      zeroPoints: guard(new Uint8Array(expected.zeroPoints.length + 64)),
    };
    const out = {
      packed: around.packed.subarray(31, 31 + expected.packed.length),
      scales: around.scales.subarray(31, 31 + expected.scales.length),
      zeroPoints: around.zeroPoints.subarray(31, 31 + expected.zeroPoints.length),
    };
    expect(quantizeBlockwise(w, { ...layout, out, backend })).toBe(out);
    expect(hexOf(out)).toEqual(hexOf(expected));
    for (const array of Object.values(around))
      expect([...array.subarray(0, 31), ...array.subarray(-33)]).toEqual(Array(64).fill(99));
  });

  it("takes a matrix of nothing", () => {
    for (const [rows, cols] of [
      [0, 5],
      [5, 0],
    ] as const) {
      const { packed, scales } = quantizeBlockwise(new Float32Array(0), { rows, cols, backend });
      expect([packed.length, scales.length]).toEqual([0, 0]);
    }
  });

  it("comes back within a step, and within half of one where each block has its zero point", () => {
    const values = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
      minLength: 32,
      maxLength: 32,
    });
    fc.assert(
      fc.property(values, fc.constantFrom<4 | 8>(4, 8), fc.boolean(), (list, bits, symmetric) => {
        const w = Float32Array.from(list);
        const layout = { rows: 32, cols: 1, bits, backend };
        const { packed, ...params } = quantizeBlockwise(w, { ...layout, symmetric });
        const y = dequantizeBlockwise(packed, { ...layout, ...params });
        // The zero point is rounded, too, so the ends of the range may lie half a step outside the steps.
        const step = Math.abs(params.scales[0]!);
        for (let i = 0; i < 32; i++)
          expect(Math.abs(y[i]! - w[i]!)).toBeLessThanOrEqual(step * 1.001 + 2 ** -149);
      }),
    );
  });
});

describe("quantizeBlockwise", () => {
  const w = new Float32Array(64);
  const layout = { rows: 32, cols: 2 };
  const detached = new Float32Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  const memory = new ArrayBuffer(512);
  const over = new Float32Array(memory, 0, 64);
  const packed = new Uint8Array(32);
  const scales = new Float32Array(2);
  const zeroPoints = new Uint8Array(2);
  test.each<[string, unknown, object, string]>([
    ["w of another type", new Float64Array(64), layout, "Expected a Float32Array for w"],
    ["a detached w", detached, { rows: 2, cols: 2 }, "not transferred or detached for w"],
    ["w of another length", w, { rows: 32, cols: 3 }, "length 96 for w but received"],
    ["no rows", w, { cols: 2 }, "a whole number for rows"],
    ["half a column", w, { rows: 32, cols: 2.5 }, "a whole number, 0 or more, for cols but received 2.5"],
    ["an unknown block size", w, { ...layout, blockSize: 48 }, "16, 32, 64, 128 or 256 for blockSize"],
    ["an unknown number of bits", w, { ...layout, bits: 2 }, "4 or 8 for bits but received 2"],
    ["a wrong switch", w, { ...layout, symmetric: "no" }, "true or false for symmetric"],
    ["another wrong switch", w, { ...layout, transposed: 1 }, "true or false for transposed"],
    ["an unknown backend", w, { ...layout, backend: "abacus" }, 'for backend but received "abacus"'],
    ["packed of another type", w, { ...layout, out: { packed: [], scales } }, "a Uint8Array for out.packed"],
    [
      "scales of another type",
      w,
      { ...layout, out: { packed, scales: [] } },
      "a Float32Array for out.scales",
    ],
    [
      "zero points that do not belong",
      w,
      { ...layout, out: { packed, scales, zeroPoints } },
      "nothing, as symmetric",
    ],
    [
      "no zero points",
      w,
      { ...layout, symmetric: false, out: { packed, scales } },
      "an array for out.zeroPoints",
    ],
    [
      "packed of another length",
      w,
      { ...layout, out: { packed: packed.subarray(1), scales } },
      "length 32 for out.packed",
    ],
    [
      "packed over w",
      over,
      { ...layout, out: { packed: new Uint8Array(memory, 250, 32), scales } },
      "memory apart from the input",
    ],
    [
      "packed over scales",
      w,
      { ...layout, out: { packed: new Uint8Array(memory, 0, 32), scales: new Float32Array(memory, 28, 2) } },
      "memory apart from",
    ],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => quantizeBlockwise(input as Float32Array, options as QuantizeBlockwiseOptions)).toThrow(
      message,
    );
  });
});

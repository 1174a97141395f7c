import { describe, expect, it, test } from "vitest";
import {
  type BlockwiseArrays,
  type BlockwiseLayout,
  backends,
  dequantizeBlockwise,
  type FitBlockwiseOptions,
  fitBlockwise,
  quantizeBlockwise,
} from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

type Matrix = BlockwiseLayout & { symmetric?: boolean };

const hexOf = ({ packed, scales, zeroPoints }: BlockwiseArrays) =>
  [packed, scales, zeroPoints ?? new Uint8Array()].map((array) =>
    Buffer.from(bytesOf(array)).toString("hex"),
  );

function fitted(
  w: Float32Array,
  { symmetric = true, ...layout }: Matrix,
  backend?: FitBlockwiseOptions["backend"],
) {
  const arrays = quantizeBlockwise(w, { ...layout, symmetric, backend: "js" });
  return fitBlockwise(w, { ...layout, ...arrays, backend });
}

/** Values that lie around zero as those of trained weights do. */
function bellShaped(length: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  const uniform = () => next() / 2 ** 32 - 0.5;
  return Float32Array.from({ length }, () => uniform() + uniform() + uniform() + uniform());
}

function squaredError(w: Float32Array, arrays: BlockwiseArrays, layout: BlockwiseLayout): number {
  const { packed, ...parameters } = arrays;
  const y = dequantizeBlockwise(packed, { ...layout, ...parameters });
  return w.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);
}

const LAYOUTS = [4, 8].flatMap((bits) =>
  [16, 32, 256].flatMap((blockSize) =>
    [true, false].map((symmetric) => ({ bits: bits as 4 | 8, blockSize, symmetric })),
  ),
);

describe.each(backends())("fitBlockwise on $name", (backend) => {
  test.each(LAYOUTS)("$bits bits, blocks of $blockSize, symmetric $symmetric: equals js", (options) => {
    const { blockSize } = options;
    const sizes = [
      [blockSize * 3, 21],
      [blockSize + 7, 17],
      [blockSize - 1, 8],
      [1, 3],
    ] as const;
    for (const [rows, cols] of sizes) {
      const wild = randomBitPatterns(rows * cols, rows);
      const tame = bellShaped(rows * cols, cols);
      const mixed = tame.map((value, i) => (i % 97 === 0 ? wild[i]! : value * 2 ** ((i % 5) * 30 - 120)));
      for (const w of [wild, tame, mixed])
        for (const transposed of [false, true]) {
          const layout = { ...options, rows, cols, transposed };
          expect(hexOf(fitted(w, layout, backend))).toEqual(hexOf(fitted(w, layout, "js")));
        }
    }
  });

  test.each([true, false])("loses at least 7 percent less, and no length, symmetric %s", (symmetric) => {
    const layout = { rows: 32, cols: 1000, transposed: true, backend };
    const w = bellShaped(32000, 1);
    const before = quantizeBlockwise(w, { ...layout, symmetric });
    const { packed, ...parameters } = fitted(w, { ...layout, symmetric }, backend);
    const after = dequantizeBlockwise(packed, { ...layout, ...parameters });
    for (let at = 0; at < w.length; at += 32) {
      const [block, fit] = [w.subarray(at, at + 32), after.subarray(at, at + 32)];
      const length = block.reduce((sum, value) => sum + value * value, 0);
      expect(block.reduce((sum, value, i) => sum + value * fit[i]!, 0) / length).toBeCloseTo(1, 5);
    }
    const error = squaredError(w, { packed, ...parameters }, layout);
    expect(error).toBeLessThan(0.93 * squaredError(w, before, layout));
  });

  it("finds the scale of a weight that was made with one, whatever its range", () => {
    // Steps go from -8 to 7 and the weight from -7 to 7, so its range gives 7 / 8 of the scale.
    const steps = Float32Array.from({ length: 64 }, (_, i) => (i % 15) - 7);
    const w = steps.map((step) => step * 0.37);
    const { scales, packed } = fitted(w, { rows: 64, cols: 1, blockSize: 64 }, backend);
    expect(Math.abs(scales[0]!)).toBeCloseTo(0.37, 6);
    const y = dequantizeBlockwise(packed, { rows: 64, cols: 1, blockSize: 64, scales });
    for (const [i, value] of w.entries()) expect(y[i]).toBeCloseTo(value, 5);
  });

  it.each([Number.NaN, Infinity])("leaves a block with %s and one of zeros as they are", (bad) => {
    const w = bellShaped(64, 3).fill(0, 32);
    w[5] = bad;
    const layout = { rows: 64, cols: 1 };
    expect(hexOf(fitted(w, layout, backend))).toEqual(hexOf(quantizeBlockwise(w, { ...layout, backend })));
  });

  it("changes nothing beside the arrays it is given", () => {
    const layout = { rows: 35, cols: 19, blockSize: 16 } as const;
    const w = bellShaped(35 * 19, 4);
    const plain = quantizeBlockwise(w, layout);
    const around = {
      packed: new Uint8Array(plain.packed.length + 64),
      scales: new Float32Array(plain.scales.length + 64),
    };
    around.packed.fill(99).set(plain.packed, 31);
    around.scales.fill(99).set(plain.scales, 31);
    const packed = around.packed.subarray(31, 31 + plain.packed.length);
    const scales = around.scales.subarray(31, 31 + plain.scales.length);
    expect(hexOf(fitBlockwise(w, { ...layout, packed, scales, backend }))).toEqual(
      hexOf(fitted(w, layout, "js")),
    );
    for (const array of Object.values(around))
      expect([...array.subarray(0, 31), ...array.subarray(-33)]).toEqual(Array(64).fill(99));
  });
});

describe("fitBlockwise refuses", () => {
  const w = new Float32Array(64);
  const layout = { rows: 32, cols: 2 };
  const { packed, scales, zeroPoints } = quantizeBlockwise(w, { ...layout, symmetric: false });
  const detached = new Uint8Array(2);
  structuredClone(detached, { transfer: [detached.buffer] });
  const memory = new ArrayBuffer(512);
  test.each<[string, unknown, object, string]>([
    ["w of another type", new Float64Array(64), { packed, scales }, "Expected a Float32Array for w"],
    ["w of another length", w.subarray(1), { packed, scales }, "length 64 for w but received"],
    ["no packed", w, { scales }, "a Uint8Array for packed"],
    ["packed of another length", w, { packed: packed.subarray(1), scales }, "length 32 for packed"],
    ["scales of another type", w, { packed, scales: [1, 1] }, "a Float32Array for scales"],
    ["scales of another length", w, { packed, scales: scales.subarray(1) }, "length 2 for scales"],
    [
      "zero points of another length",
      w,
      { packed, scales, zeroPoints: new Uint8Array(3) },
      "length 2 for zeroPoints",
    ],
    ["zero points of another type", w, { packed, scales, zeroPoints: [8, 8] }, "a Uint8Array for zeroPoints"],
    [
      "detached zero points",
      w,
      { packed, scales, zeroPoints: detached },
      "not transferred or detached for zeroPoints",
    ],
    [
      "packed over w",
      new Float32Array(memory, 0, 64),
      { packed: new Uint8Array(memory, 32, 32), scales },
      "packed",
    ],
    [
      "an unknown backend",
      w,
      { packed, scales, zeroPoints, backend: "abacus" },
      'for backend but received "abacus"',
    ],
  ])("%s", (_, values, options, message) => {
    const call = () => fitBlockwise(values as Float32Array, { ...layout, ...options } as FitBlockwiseOptions);
    expect(call).toThrow(message);
  });
});

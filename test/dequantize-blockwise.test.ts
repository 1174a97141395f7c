import { describe, expect, it, test } from "vitest";
import {
  backends,
  type DequantizeBlockwiseOptions,
  dequantizeBlockwise,
  quantizeBlockwise,
} from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

const LAYOUTS = [4, 8].flatMap((bits) =>
  [16, 32, 64, 128, 256].flatMap((blockSize) =>
    [true, false].map((symmetric) => ({ bits: bits as 4 | 8, blockSize, symmetric })),
  ),
);

function randomBytes(length: number, seed: number): Uint8Array {
  return new Uint8Array(length).map(randomIntegers(seed));
}

/** Any steps and zero points; any scales, or such as weights have. */
function anyBlocks(rows: number, cols: number, blockSize: number, bits: number, seed: number) {
  const blocks = Math.ceil(rows / blockSize);
  const scales = randomBitPatterns(cols * blocks, seed);
  scales.set([Infinity, -Infinity, NaN, -0, 0.5, 1e-40].slice(0, scales.length));
  return {
    packed: randomBytes((cols * blocks * blockSize * bits) / 8, seed + 1),
    scales,
    zeroPoints: randomBytes(cols * Math.ceil((blocks * bits) / 8), seed + 2),
  };
}

describe.each(backends())("dequantizeBlockwise on $name", (backend) => {
  it("takes the low half first, and subtracts the zero point of the block", () => {
    const packed = Uint8Array.of(
      0x10,
      0x32,
      0x54,
      0x76,
      0x98,
      0xba,
      0xdc,
      0xfe,
      ...new Uint8Array(8).fill(0x77),
    );
    const options = { rows: 20, cols: 1, blockSize: 16, scales: Float32Array.of(0.5, -2), backend };
    const steps = Array.from({ length: 16 }, (_, i) => i);
    expect([...dequantizeBlockwise(packed, { ...options, zeroPoints: Uint8Array.of(0x63) })]).toEqual([
      ...steps.map((step) => (step - 3) * 0.5),
      ...[-2, -2, -2, -2],
    ]);
    expect([...dequantizeBlockwise(packed, options)]).toEqual([
      ...steps.map((step) => (step - 8) * 0.5),
      ...[2, 2, 2, 2],
    ]);
  });

  test.each(LAYOUTS)(
    "$bits bits, blocks of $blockSize, symmetric $symmetric: equals js in every layout and size",
    ({ bits, blockSize, symmetric }) => {
      const sizes = [
        [blockSize * 3, 83],
        [blockSize * 2 + 7, 17],
        [blockSize - 1, 8],
        [1, 3],
      ] as const;
      for (const [rows, cols] of sizes) {
        const { packed, scales, zeroPoints } = anyBlocks(rows, cols, blockSize, bits, rows + cols);
        for (const transposed of [false, true]) {
          const options = { rows, cols, blockSize, bits, scales, transposed };
          const all = symmetric ? options : { ...options, zeroPoints };
          const expected = bytesOf(dequantizeBlockwise(packed, { ...all, backend: "js" }));
          const guarded = new Float32Array(rows * cols + 64).fill(99);
          const out = guarded.subarray(31, 31 + rows * cols);
          expect(dequantizeBlockwise(packed, { ...all, out, backend })).toBe(out);
          expect(Buffer.compare(bytesOf(out), expected)).toBe(0);
          expect([...guarded.subarray(0, 31), ...guarded.subarray(-33)]).toEqual(Array(64).fill(99));
        }
      }
    },
  );

  it("writes large outputs around the cache with the same bits", () => {
    const [rows, cols] = [2048, 4096];
    const steps = randomBytes((rows * cols) / 2, 9);
    const scales = randomBitPatterns((rows * cols) / 32, 9).fill(0.25, 0, 9000);
    for (const transposed of [false, true]) {
      const options = { rows, cols, scales, transposed };
      const expected = bytesOf(dequantizeBlockwise(steps, { ...options, backend: "js" }));
      expect(Buffer.compare(bytesOf(dequantizeBlockwise(steps, { ...options, backend })), expected)).toBe(0);
    }
  });

  test.each(LAYOUTS)(
    "$bits bits, blocks of $blockSize, symmetric $symmetric: what onnxruntime's MatMulNBits multiplies with",
    async ({ bits, blockSize, symmetric }) => {
      const [rows, cols] = [blockSize * 2, 24];
      const next = randomIntegers(blockSize);
      const w = Float32Array.from({ length: rows * cols }, () => (next() / 2 ** 31 - 1) * 3);
      const { packed, scales, zeroPoints } = quantizeBlockwise(w, {
        rows,
        cols,
        bits,
        blockSize,
        symmetric,
        backend,
      });
      const identity = new Float32Array(rows * rows);
      for (let i = 0; i < rows; i++) identity[i * rows + i] = 1;
      const blobs = [cols, 2, (blockSize * bits) / 8];
      const [expected] = await runOnnx(
        {
          op: "MatMulNBits",
          domain: "com.microsoft",
          attributes: { K: rows, N: cols, bits, block_size: blockSize },
          inputs: [
            { name: "a", dtype: "float32", shape: [rows, rows] },
            { name: "b", dtype: "uint8", shape: blobs },
            { name: "scales", dtype: "float32", shape: [cols, 2] },
            ...(zeroPoints ? [{ name: "points", dtype: "uint8" as const, shape: [cols, bits / 4] }] : []),
          ],
          outputs: [{ name: "y", dtype: "float32", shape: [rows, cols] }],
        },
        [identity, packed, scales, ...(zeroPoints ? [zeroPoints] : [])],
      );
      const y = dequantizeBlockwise(packed, { rows, cols, bits, blockSize, scales, zeroPoints, backend });
      // A sum with zeros makes +0 of -0.
      expect(y.map((value) => value + 0)).toEqual(expected);
    },
  );
});

describe("dequantizeBlockwise", () => {
  const packed = new Uint8Array(32);
  const scales = new Float32Array(2);
  const layout = { rows: 32, cols: 2, scales };
  test.each<[string, unknown, object, string]>([
    ["packed of another type", new Int8Array(32), layout, "Expected a Uint8Array for packed"],
    ["packed of another length", packed.subarray(1), layout, "length 32 for packed but received"],
    ["no scales", packed, { rows: 32, cols: 2 }, "a Float32Array for scales"],
    ["scales of another length", packed, { ...layout, scales: new Float32Array(3) }, "length 2 for scales"],
    ["zero points of another type", packed, { ...layout, zeroPoints: [8, 8] }, "a Uint8Array for zeroPoints"],
    ["zero points of another length", packed, { ...layout, zeroPoints: packed }, "length 2 for zeroPoints"],
    ["an unknown block size", packed, { ...layout, blockSize: 8 }, "for blockSize but received 8"],
    ["out of another length", packed, { ...layout, out: new Float32Array(63) }, "length 64 for out"],
    ["out of another type", packed, { ...layout, out: new Float64Array(64) }, "a Float32Array for out"],
  ])("refuses %s", (_, input, options, message) => {
    expect(() => dequantizeBlockwise(input as Uint8Array, options as DequantizeBlockwiseOptions)).toThrow(
      message,
    );
  });

  it("refuses an out that shares memory with the packed steps or the scales", () => {
    const memory = new ArrayBuffer(512);
    const out = new Float32Array(memory, 0, 64);
    const steps = new Uint8Array(memory, 255, 32);
    expect(() => dequantizeBlockwise(steps, { ...layout, out })).toThrow("memory apart from the input");
    const shared = { ...layout, scales: new Float32Array(memory, 252, 2), out };
    expect(() => dequantizeBlockwise(packed, shared)).toThrow("memory apart from the input");
  });
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  backends,
  type DequantizeGgufOptions,
  dequantizeGguf,
  type GgufBlockType,
  type QuantizeGgufOptions,
  quantizeGguf,
} from "../lib/index.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

interface Vector extends Record<GgufBlockType, string> {
  name: string;
  x: string;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("vectors/gguf.json", import.meta.url), "utf8"),
) as Vector[];

const TYPES = [
  { type: "Q8_0", bytes: 34 },
  { type: "Q4_0", bytes: 18 },
] as const;

function floats(hex: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Blocks of values of one magnitude each, from denormal to huge, some with ties, one in eight of any bits at all. */
function mixedBlocks(count: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  const x = new Float32Array(count * 32);
  for (let block = 0; block < count; block++) {
    const unit = 2 ** ((next() % 270) - 145);
    const steps = next() % 2 === 0 ? 0.5 : (next() % 1000) / 999;
    for (let i = 0; i < 32; i++) x[block * 32 + i] = ((next() % 509) - 254) * steps * unit;
    if (block % 8 === 7) x.set(randomBitPatterns(32, next()), block * 32);
  }
  return x;
}

describe.each(backends())("quantizeGguf on $name", (backend) => {
  test.each(vectors)("$name: ggml's blocks", ({ x, ...expected }) => {
    for (const { type } of TYPES)
      expect(hex(quantizeGguf(floats(x), { type, backend }))).toBe(expected[type]);
  });

  it("gives zeros of any sign the scale of ggml's C code", () => {
    const zeros = new Float32Array(32).fill(-0);
    expect(hex(quantizeGguf(zeros, { type: "Q8_0", backend }))).toBe("00".repeat(34));
    expect(hex(quantizeGguf(zeros, { type: "Q4_0", backend }))).toBe(`0080${"88".repeat(16)}`);
  });

  test.each(TYPES)("$type equals js on blocks of every magnitude and on any bits", ({ type }) => {
    const x = mixedBlocks(2000, 3);
    for (const offset of [0, 1, 2, 3]) {
      const part = x.subarray(offset, x.length - 32 + offset);
      expect(hex(quantizeGguf(part, { type, backend }))).toBe(
        hex(quantizeGguf(part, { type, backend: "js" })),
      );
    }
  });

  test.each(TYPES)("$type writes nothing outside out", ({ type, bytes }) => {
    for (let blocks = 0; blocks < 5; blocks++) {
      const length = blocks * bytes;
      const guarded = new Uint8Array(length + 128).fill(99);
      const out = guarded.subarray(63, 63 + length);
      const x = mixedBlocks(blocks, 9);
      expect(quantizeGguf(x, { type, out, backend })).toBe(out);
      expect(out).toEqual(quantizeGguf(x, { type, backend: "js" }));
      expect([...guarded.subarray(0, 63), ...guarded.subarray(63 + length)]).toEqual(Array(128).fill(99));
      const values = new Float32Array(blocks * 32 + 64).fill(99);
      dequantizeGguf(out, { type, out: values.subarray(31, 31 + blocks * 32), backend });
      expect([...values.subarray(0, 31), ...values.subarray(31 + blocks * 32)]).toEqual(Array(64).fill(99));
    }
  });

  it("comes back within half a step of 8 bits, and of 4 bits but for the end without a step", () => {
    const block = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
      minLength: 32,
      maxLength: 32,
    });
    fc.assert(
      fc.property(block, (values) => {
        const x = Float32Array.from(values);
        const largest = Math.max(...x.map(Math.abs));
        for (const [type, step] of [
          ["Q8_0", largest / 127],
          ["Q4_0", largest / 8],
        ] as const) {
          const y = dequantizeGguf(quantizeGguf(x, { type, backend }), { type, backend });
          // 8 steps down but 7 up, and a scale of 11 bits, to the nearest or to 2^-25 where it is subnormal.
          const tolerance =
            step * (type === "Q4_0" ? 1 : 0.5) + largest * 2 ** -11 + (largest / step || 0) * 2 ** -25;
          x.forEach((value, i) => {
            expect(Math.abs(y[i]! - value)).toBeLessThanOrEqual(tolerance * 1.0001);
          });
        }
      }),
    );
  });
});

describe.each(backends())("dequantizeGguf on $name", (backend) => {
  test.each(TYPES)("$type: every scale there is equals js", ({ type, bytes }) => {
    const next = randomIntegers(5);
    const blocks = new Uint8Array(65536 * bytes);
    for (let half = 0; half < 65536; half++) {
      const block = blocks.subarray(half * bytes, (half + 1) * bytes);
      for (let i = 2; i < bytes; i++) block[i] = next() >> 7;
      block[0] = half;
      block[1] = half >> 8;
    }
    const actual = bytesOf(dequantizeGguf(blocks, { type, backend }));
    expect(Buffer.compare(actual, bytesOf(dequantizeGguf(blocks, { type, backend: "js" })))).toBe(0);
  });

  it("multiplies every step by the scale", () => {
    const steps = Uint8Array.from({ length: 32 }, (_, i) => i * 8);
    const q8 = Uint8Array.of(0x00, 0xb8, ...steps); // -0.5
    expect([...dequantizeGguf(q8, { type: "Q8_0", backend })]).toEqual(
      [...new Int8Array(steps.buffer)].map((step) => step * -0.5),
    );
    const q4 = Uint8Array.of(0x00, 0x40, 0xf0, ...Array<number>(15).fill(0x98)); // 2
    const y = dequantizeGguf(q4, { type: "Q4_0", backend });
    expect([...y]).toEqual([-16, ...Array<number>(15).fill(0), 14, ...Array<number>(15).fill(2)]);
  });

  it("writes large outputs around the cache with the same bits", () => {
    const count = 262144 + 5;
    const pattern = quantizeGguf(mixedBlocks(1021, 4), { type: "Q4_0", backend: "js" });
    const blocks = new Uint8Array(count * 18);
    for (let start = 0; start < blocks.length; start += pattern.length)
      blocks.set(pattern.subarray(0, blocks.length - start), start);
    const expected = bytesOf(dequantizeGguf(pattern, { type: "Q4_0", backend: "js" }));
    const out = new Float32Array(count * 32 + 8);
    for (const offset of [0, 1]) {
      const y = bytesOf(
        dequantizeGguf(blocks, { type: "Q4_0", out: out.subarray(offset, offset + count * 32), backend }),
      );
      for (let start = 0; start < y.length; start += expected.length) {
        const part = y.subarray(start, start + expected.length);
        expect(Buffer.compare(part, expected.subarray(0, part.length))).toBe(0);
      }
    }
  });
});

describe("quantizeGguf and dequantizeGguf", () => {
  const x = new Float32Array(64);
  const memory = new ArrayBuffer(512);
  test.each<[string, unknown, unknown, string]>([
    ["x of another type", new Float64Array(32), { type: "Q8_0" }, "Expected a Float32Array for x"],
    ["part of a block", new Float32Array(33), { type: "Q8_0" }, "a length that is a multiple of 32 for x"],
    ["no type", x, {}, "one of Q8_0, Q4_0 for type but received undefined"],
    ["an unknown type", x, { type: "Q6_K" }, 'for type but received "Q6_K"'],
    ["out of another length", x, { type: "Q4_0", out: new Uint8Array(35) }, "length 36 for out"],
    ["out of another type", x, { type: "Q4_0", out: new Int8Array(36) }, "a Uint8Array for out"],
    [
      "out over x",
      new Float32Array(memory, 0, 64),
      { type: "Q4_0", out: new Uint8Array(memory, 250, 36) },
      "memory apart from the input",
    ],
    ["an unknown backend", x, { type: "Q4_0", backend: "abacus" }, 'for backend but received "abacus"'],
  ])("quantizing refuses %s", (_, input, options, message) => {
    expect(() => quantizeGguf(input as Float32Array, options as QuantizeGgufOptions)).toThrow(message);
  });

  const blocks = new Uint8Array(36);
  test.each<[string, unknown, unknown, string]>([
    ["blocks of another type", new Int8Array(36), { type: "Q4_0" }, "Expected a Uint8Array for blocks"],
    ["part of a block", blocks, { type: "Q8_0" }, "a length that is a multiple of 34 for blocks"],
    ["an unknown type", blocks, { type: "F16" }, 'for type but received "F16"'],
    ["out of another length", blocks, { type: "Q4_0", out: new Float32Array(32) }, "length 64 for out"],
    ["out of another type", blocks, { type: "Q4_0", out: new Float64Array(64) }, "a Float32Array for out"],
  ])("dequantizing refuses %s", (_, input, options, message) => {
    expect(() => dequantizeGguf(input as Uint8Array, options as DequantizeGgufOptions)).toThrow(message);
  });
});

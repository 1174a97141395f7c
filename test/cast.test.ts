import { describe, expect, expectTypeOf, it, test } from "vitest";
import {
  backends,
  bfloat16ToFloat32,
  type CastOptions,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../lib/index.js";
import { bytesUnder } from "./support/bytes.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

const EVERY_PATTERN = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

function float32Bits(x: Float32Array): Uint32Array {
  return new Uint32Array(x.buffer, x.byteOffset, x.length);
}

function fromBits(bits: Iterable<number>): Float32Array {
  return new Float32Array(Uint32Array.from(bits).buffer);
}

/** The value of float16 or bfloat16 bits by the definition: sign, exponent and fraction. */
function numberOf(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

interface Kind {
  dtype: "float16" | "bfloat16";
  exponentBits: number;
  infinity: number;
  toFloat32(x: Uint16Array, options: CastOptions<Float32Array>): Float32Array;
  fromFloat32(x: Float32Array, options: CastOptions<Uint16Array>): Uint16Array;
}

const KINDS: Kind[] = [
  {
    dtype: "float16",
    exponentBits: 5,
    infinity: 0x7c00,
    toFloat32: float16ToFloat32,
    fromFloat32: float32ToFloat16,
  },
  {
    dtype: "bfloat16",
    exponentBits: 8,
    infinity: 0x7f80,
    toFloat32: bfloat16ToFloat32,
    fromFloat32: float32ToBfloat16,
  },
];

describe.each(backends())("on $name", (backend) => {
  describe.each(KINDS)("$dtype", ({ dtype, exponentBits, infinity, toFloat32, fromFloat32 }) => {
    const widened = toFloat32(EVERY_PATTERN, { backend });

    it("becomes the float32 of the same value, for all 65,536 patterns", () => {
      const expected = Float32Array.from(EVERY_PATTERN, (bits) => numberOf(bits, exponentBits));
      expect(widened).toEqual(expected);
      expect([...float32Bits(widened)].filter((bits) => bits === 0x80000000)).toHaveLength(1);
    });

    it("keeps a NaN's sign and payload, quiet", () => {
      const fractionBits = 15 - exponentBits;
      for (const bits of EVERY_PATTERN) {
        if ((bits & 0x7fff) <= infinity) continue;
        const payload = (bits & (2 ** fractionBits - 1)) * 2 ** (23 - fractionBits);
        const expected = ((bits & 0x8000) << 16) | 0x7fc00000 | payload;
        expect(float32Bits(widened)[bits]).toBe(expected >>> 0);
      }
    });

    it("comes back from float32 as it was", () => {
      const back = fromFloat32(widened, { backend });
      const quiet = EVERY_PATTERN.map((bits) =>
        (bits & 0x7fff) > infinity ? bits | (2 ** (14 - exponentBits)) : bits,
      );
      expect(back).toEqual(quiet);
    });

    it("is the nearest of two neighbours, the even one at the tie, around every boundary", () => {
      const patterns = EVERY_PATTERN.subarray(0, infinity);
      const x: number[] = [];
      const expected: number[] = [];
      for (const bits of patterns) {
        const low = numberOf(bits, exponentBits);
        // Beyond the largest value the next one would be this.
        const high =
          bits + 1 === infinity
            ? low + (low - numberOf(bits - 1, exponentBits))
            : numberOf(bits + 1, exponentBits);
        const tie = float32Bits(Float32Array.of((low + high) / 2))[0]!;
        x.push(tie - 1, tie, tie + 1);
        expected.push(bits, bits % 2 ? bits + 1 : bits, bits + 1);
      }
      expect([...fromFloat32(fromBits(x), { backend })]).toEqual(expected);
      const negative = fromBits(x.map((bits) => (bits | 0x80000000) >>> 0));
      expect([...fromFloat32(negative, { backend })]).toEqual(expected.map((bits) => bits | 0x8000));
    });

    it("equals js on any bits, at every length 0..130 and offset 0..3, and writes nothing else", () => {
      const halves = Uint16Array.from({ length: 133 }, randomIntegers(5));
      for (let length = 0; length <= 130; length++)
        for (let offset = 0; offset <= 3; offset++) {
          const narrow = new Uint16Array(length + 40).fill(99);
          const x = randomBitPatterns(length + offset, 900 + length).subarray(offset);
          fromFloat32(x, { out: narrow.subarray(17, 17 + length), backend });
          const expected = new Uint16Array(length + 40).fill(99);
          expected.set(fromFloat32(x, { backend: "js" }), 17);
          expect(narrow).toEqual(expected);

          const wide = new Float32Array(length + 40).fill(99);
          const h = halves.subarray(offset, offset + length);
          toFloat32(h, { out: wide.subarray(17, 17 + length), backend });
          const guarded = new Float32Array(length + 40).fill(99);
          float32Bits(guarded).set(float32Bits(toFloat32(h, { backend: "js" })), 17);
          expect(bytesUnder(wide).equals(bytesUnder(guarded))).toBe(true);
        }
    });

    it("has the same bits where large results go around the cache", () => {
      const block = randomBitPatterns(1 << 16, 3);
      const expected = bytesUnder(fromFloat32(block, { backend: "js" }));
      const x = new Float32Array((6 << 20) + 77);
      for (let start = 0; start < x.length; start += block.length)
        float32Bits(x).set(float32Bits(block).subarray(0, x.length - start), start);
      const out = new Uint16Array(x.length + 5).subarray(5);
      fromFloat32(x, { out, backend });
      for (let start = 0; start < out.length; start += block.length) {
        const part = bytesUnder(out.subarray(start, start + block.length));
        expect(part.equals(expected.subarray(0, part.length))).toBe(true);
      }
      const wide = new Float32Array(out.length + 3).subarray(3);
      toFloat32(out, { out: wide, backend });
      const again = bytesUnder(toFloat32(out.slice(0, block.length), { backend: "js" }));
      for (let start = 0; start < out.length; start += block.length) {
        const part = bytesUnder(wide.subarray(start, start + block.length));
        expect(part.equals(again.subarray(0, part.length))).toBe(true);
      }
    });

    it("equals onnxruntime's Cast, but for the payload of a NaN", async () => {
      const values = fromBits(Uint32Array.from({ length: 1 << 17 }, randomIntegers(71)));
      const cast = (from: "float32" | typeof dtype, to: number, length: number) => ({
        op: "Cast",
        inputs: [{ name: "x", dtype: from, shape: [length] }],
        outputs: [{ name: "y", dtype: from === "float32" ? dtype : ("float32" as const), shape: [length] }],
        attributes: { to },
      });
      const number = dtype === "float16" ? 10 : 16;
      const [narrow] = await runOnnx(cast("float32", number, values.length), [values]);
      const actual = fromFloat32(values, { backend });
      // bfloat16 comes out of the model as float32.
      expect(toFloat32(actual, { backend })).toEqual(
        narrow instanceof Uint16Array ? toFloat32(narrow, { backend: "js" }) : narrow,
      );
      const input = dtype === "float16" ? EVERY_PATTERN : widened;
      const [wide] = await runOnnx(cast(dtype, 1, EVERY_PATTERN.length), [input]);
      expect(widened).toEqual(wide);
    });
  });
});

describe("casts", () => {
  const x = new Float32Array(4);
  const bits = new Uint16Array(4);
  const memory = new ArrayBuffer(32);
  const detached = new Uint16Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });

  it("give a new array of the right type, or the out they were given", () => {
    expectTypeOf(float32ToFloat16(x)).toEqualTypeOf<Uint16Array<ArrayBuffer>>();
    expectTypeOf(float16ToFloat32(bits)).toEqualTypeOf<Float32Array<ArrayBuffer>>();
    expect(float32ToFloat16(x, { out: bits })).toBe(bits);
    expect(float32ToBfloat16(x, { out: bits })).toBe(bits);
    expect(bfloat16ToFloat32(bits, { out: x })).toBe(x);
    expect(float16ToFloat32(bits, {})).toEqual(new Float32Array(4));
  });

  test.each<[string, () => unknown, string]>([
    ["float64 input", () => float32ToFloat16(new Float64Array(1) as never), "a Float32Array for x"],
    ["signed bits", () => float16ToFloat32(new Int16Array(1) as never), "a Uint16Array of float16 bits or a"],
    ["a list", () => bfloat16ToFloat32([1] as never), "a Uint16Array of bfloat16 bits for x"],
    ["detached bits", () => float16ToFloat32(detached), "not transferred or detached for x"],
    ["an out of other type", () => float32ToBfloat16(x, { out: x as never }), "of bfloat16 bits for out"],
    ["an out of other length", () => float32ToFloat16(x, { out: new Uint16Array(3) }), "length 4 for out"],
    [
      "an out over x",
      () => float16ToFloat32(new Uint16Array(memory, 8, 4), { out: new Float32Array(memory, 0, 4) }),
      "memory apart from the input for out",
    ],
    ["an unknown backend", () => float32ToFloat16(x, { backend: "abacus" }), "for backend"],
  ])("refuse %s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});

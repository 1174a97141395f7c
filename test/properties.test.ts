import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Backend,
  backends,
  bfloat16ToFloat32,
  type CastOptions,
  dequantizeGguf,
  dequantizeLinear,
  dynamicQuantizeLinear,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  histogram,
  minMax,
  quantizeGguf,
  quantizeLinear,
} from "../lib/index.js";
import { bytesUnder } from "./support/bytes.js";

// The same cases in every run: a failure is the fault of the change that it comes with.
fc.configureGlobal({ seed: 20, numRuns: 100 });

/** Float32 values of any bits. */
const anyBits = fc
  .uint32Array({ maxLength: 200 })
  .map((bits) => new Float32Array(bits.buffer, bits.byteOffset, bits.length));
const finite = (limit: number, minLength = 1) =>
  fc.float32Array({ minLength, maxLength: 200, min: -limit, max: limit, noNaN: true });
const LARGEST = Math.fround(3.4e38);

/** Scales for which neither a quotient nor a product with a quantized value leaves the normal float32 values. */
const scales = fc
  .tuple(fc.float({ min: 1, max: 2, maxExcluded: true, noNaN: true }), fc.integer({ min: -80, max: 80 }))
  .map(([fraction, exponent]) => fraction * 2 ** exponent);

const TYPES = [
  { dtype: "int8", Type: Int8Array, low: -128 },
  { dtype: "uint8", Type: Uint8Array, low: 0 },
] as const;

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

/** Parameters of a tensor [outer, channels, inner]; `of` is the channel of an element. */
const layouts = fc
  .record({
    outer: fc.integer({ min: 1, max: 4 }),
    inner: fc.integer({ min: 1, max: 40 }),
    channels: fc.array(fc.tuple(scales, fc.integer({ min: 0, max: 255 })), { minLength: 2, maxLength: 40 }),
  })
  .map(({ outer, inner, channels }) => ({
    shape: [outer, channels.length, inner],
    length: outer * channels.length * inner,
    scale: channels.map(([scale]) => scale),
    steps: channels.map(([, step]) => step),
    of: (i: number) => Math.floor(i / inner) % channels.length,
  }));

function equalOnAllBackends(backend: Backend, run: (backend: Backend | "js") => ArrayBufferView): void {
  expect(bytesUnder(run(backend)).equals(bytesUnder(run("js")))).toBe(true);
}

function isRising(values: ArrayLike<number>): boolean {
  return Array.from(values).every((value, i) => i === 0 || values[i - 1]! <= value);
}

describe.each(backends())("on $name", (backend) => {
  describe.each(TYPES)("quantizeLinear to $dtype", ({ dtype, Type, low }) => {
    const zeroPoints = fc.integer({ min: low, max: low + 255 });

    it("comes back within half a step, wherever it does not saturate", () => {
      const shares = fc.array(fc.double({ min: 0, max: 255, noNaN: true }), { minLength: 1, maxLength: 200 });
      fc.assert(
        fc.property(scales, zeroPoints, shares, (scale, zeroPoint, positions) => {
          const x = Float32Array.from(positions, (position) => (position + low - zeroPoint) * scale);
          const options = { scale, zeroPoint, dtype, backend };
          const back = dequantizeLinear(quantizeLinear(x, options), options);
          // The product of a step and the scale is rounded too.
          const bound = scale * (0.5 + 2 ** -15);
          expect(x.every((value, i) => Math.abs(value - back[i]!) <= bound)).toBe(true);
        }),
      );
    });

    it("never falls where values rise", () => {
      fc.assert(
        fc.property(scales, zeroPoints, finite(LARGEST), (scale, zeroPoint, x) => {
          expect(isRising(quantizeLinear(x.sort(), { scale, zeroPoint, dtype, backend }))).toBe(true);
        }),
      );
    });

    it("gives every quantized value back", () => {
      const all = new Type(Array.from({ length: 256 }, (_, i) => i + low));
      fc.assert(
        fc.property(scales, zeroPoints, (scale, zeroPoint) => {
          const options = { scale, zeroPoint, dtype, backend };
          expect(quantizeLinear(dequantizeLinear(all, options), options)).toEqual(all);
        }),
      );
    });

    it("has all three per channel, on any layout", () => {
      fc.assert(
        fc.property(
          layouts,
          fc.infiniteStream(fc.double({ min: 0, max: 255, noNaN: true })),
          (layout, stream) => {
            const { shape, length, scale, steps, of } = layout;
            const zeroPoint = steps.map((step) => step + low);
            const x = Float32Array.from(
              { length },
              (_, i) => (stream.next().value + low - zeroPoint[of(i)]!) * scale[of(i)]!,
            );
            const options = { scale, zeroPoint, shape, axis: 1, dtype, backend };
            const q = quantizeLinear(x, options);
            const back = dequantizeLinear(q, options);
            const within = (value: number, i: number) =>
              Math.abs(value - back[i]!) <= scale[of(i)]! * (0.5 + 2 ** -15);
            expect(x.every(within)).toBe(true);
            expect(quantizeLinear(back, options)).toEqual(q);
            for (let i = 0; i < length; i++) {
              const single = { scale: scale[of(i)]!, zeroPoint: zeroPoint[of(i)]!, dtype };
              expect(q[i]).toBe(quantizeLinear(x.subarray(i, i + 1), { ...single, backend: "js" })[0]);
            }
          },
        ),
        { numRuns: 20 },
      );
    });

    it("has the same bytes as js for any bits and any scale", () => {
      const anyScale = fc.float({ min: 2 ** -149, max: LARGEST, noNaN: true });
      fc.assert(
        fc.property(anyScale, zeroPoints, anyBits, (scale, zeroPoint, x) => {
          equalOnAllBackends(backend, (each) =>
            quantizeLinear(x, { scale, zeroPoint, dtype, backend: each }),
          );
          const q = new Type(x.buffer, x.byteOffset, x.byteLength);
          equalOnAllBackends(backend, (each) => dequantizeLinear(q, { scale, zeroPoint, backend: each }));
        }),
      );
    });
  });

  describe("dynamicQuantizeLinear", () => {
    it("keeps 0 exact, rises, and comes back within half a step", () => {
      fc.assert(
        fc.property(finite(2 ** 100), (values) => {
          const x = Float32Array.from(values, (value) => (Math.abs(value) < 2 ** -100 ? 0 : value)).sort();
          const { y, scale, zeroPoint } = dynamicQuantizeLinear(x, { backend });
          const back = dequantizeLinear(y, { scale, zeroPoint, backend });
          expect(x.every((value, i) => value !== 0 || back[i] === 0)).toBe(true);
          expect(isRising(y)).toBe(true);
          // At one end half a step more than the range is left out, where its zero point is rounded.
          expect(x.every((value, i) => Math.abs(value - back[i]!) <= scale * (0.5 + 2 ** -13))).toBe(true);
        }),
      );
    });

    it("has the same bytes as js", () => {
      fc.assert(
        fc.property(finite(2 ** 126), (x) => {
          equalOnAllBackends(backend, (each) => {
            const { y, scale, zeroPoint } = dynamicQuantizeLinear(x, { backend: each });
            return Float64Array.of(...y, scale, zeroPoint);
          });
        }),
      );
    });
  });

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

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backends, dequantizeLinear, dynamicQuantizeLinear, quantizeLinear } from "../lib/index.js";
import {
  anyBits,
  equalOnAllBackends,
  finite,
  isRising,
  LARGEST,
  layouts,
  scales,
} from "./support/properties.js";

const TYPES = [
  { dtype: "int8", Type: Int8Array, low: -128 },
  { dtype: "uint8", Type: Uint8Array, low: 0 },
] as const;

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
});

import { describe, test } from "vitest";
import { backends, quantizeLinear } from "../lib/index.js";
import { expectSame } from "./support/bytes.js";
import { asStored, QUANTIZED, QUANTIZED_DTYPES } from "./support/linear.js";

/**
 * Pairs of x and scale whose quotient lies as near as any can to the middle between a tie, k + 0.5, and the float beside it: there
 * the division by a reciprocal is wrong first. For the middle m = M / 2^j, with M of 25 bits, such a pair is X * 2^c = M * S + d with
 * a small d, so S = -d / M modulo 2^c.
 */
function hardQuotients(ties: number): { x: Float32Array; scale: Float32Array } {
  const xs: number[] = [];
  const scales: number[] = [];
  for (let k = 0; k < ties; k++) {
    const tie = k + 0.5;
    const ulp = 2 ** (Math.floor(Math.log2(tie)) - 23);
    for (const middle of [tie - (k === 0 ? ulp / 4 : ulp / 2), tie + ulp / 2]) {
      const exponent = 24 - Math.floor(Math.log2(middle));
      const m = middle * 2 ** exponent;
      let inverse = m; // modulo 2^32, by Newton's iteration
      for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(m, inverse));
      for (const c of [24, 25])
        for (const d of [-3, -2, -1, 1, 2, 3]) {
          const s = Math.imul(-d, inverse) & (2 ** c - 1);
          if (s < 2 ** 23 || s >= 2 ** 24) continue;
          const x = (m * s + d) / 2 ** c; // below 2^53, so exact
          if (x < 2 ** 23 || x >= 2 ** 24) continue;
          xs.push(x * 2 ** (c - exponent));
          scales.push(s);
        }
    }
  }
  return { x: Float32Array.from(xs), scale: Float32Array.from(scales) };
}

const HARD_8_BITS = hardQuotients(256);
const HARD_16_BITS = hardQuotients(1 << 17);

/** The quotient as float32 has it, to the nearest integer, the even one of two. */
function nearest(x: number, scale: number): number {
  const quotient = Math.fround(x / scale);
  const below = Math.floor(quotient);
  const rest = quotient - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

describe.each(backends())("quantizeLinear on $name", (backend) => {
  test.each(QUANTIZED_DTYPES)("to %s divides as a division does, where that is hardest", (dtype) => {
    const { x, scale } = dtype.endsWith("16") ? HARD_16_BITS : HARD_8_BITS;
    const { array, zeroPoints } = QUANTIZED[dtype];
    const most = zeroPoints.at(-1)!;
    const shape = [3, x.length];
    const three = new Float32Array(3 * x.length);
    const expected = new array(3 * x.length);
    for (let row = 0; row < 3; row++) three.set(x, row * x.length);
    for (let i = 0; i < three.length; i++)
      expected[i] = Math.min(most, nearest(three[i]!, scale[i % x.length]!));
    expectSame(quantizeLinear(three, { scale, shape, dtype, backend }), asStored(dtype, expected));
  });
});

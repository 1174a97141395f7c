// What the tests of properties draw their cases from.
import fc from "fast-check";
import { expect } from "vitest";
import type { Backend } from "../../lib/index.js";
import { bytesUnder } from "./bytes.js";

// The same cases in every run: a failure is the fault of the change that it comes with.
fc.configureGlobal({ seed: 20, numRuns: 100 });

/** Float32 values of any bits. */
export const anyBits = fc
  .uint32Array({ maxLength: 200 })
  .map((bits) => new Float32Array(bits.buffer, bits.byteOffset, bits.length));
export const finite = (limit: number, minLength = 1) =>
  fc.float32Array({ minLength, maxLength: 200, min: -limit, max: limit, noNaN: true });
export const LARGEST = Math.fround(3.4e38);

/** Scales for which neither a quotient nor a product with a quantized value leaves the normal float32 values. */
export const scales = fc
  .tuple(fc.float({ min: 1, max: 2, maxExcluded: true, noNaN: true }), fc.integer({ min: -80, max: 80 }))
  .map(([fraction, exponent]) => fraction * 2 ** exponent);

/** Parameters of a tensor [outer, channels, inner]; `of` is the channel of an element. */
export const layouts = fc
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

export function equalOnAllBackends(
  backend: Backend,
  run: (backend: Backend | "js") => ArrayBufferView,
): void {
  expect(bytesUnder(run(backend)).equals(bytesUnder(run("js")))).toBe(true);
}

export function isRising(values: ArrayLike<number>): boolean {
  return Array.from(values).every((value, i) => i === 0 || values[i - 1]! <= value);
}

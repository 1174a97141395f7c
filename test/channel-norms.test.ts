import { describe, expect, it, test } from "vitest";
import { backends, type ChannelNormsOptions, channelNorms } from "../lib/index.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

/** The order of the sums that the contract states, element by element. */
function inOrder(x: Float32Array, channels: number, inner: number, norm: "l1" | "l2"): Float64Array {
  const result = new Float64Array(channels);
  for (let at = 0; at < x.length; at += inner)
    for (let piece = at; piece < at + inner; piece += 2 ** 16) {
      const sums = Array<number>(16).fill(0);
      for (let i = piece; i < Math.min(piece + 2 ** 16, at + inner); i++)
        sums[(i - piece) % 16]! += norm === "l1" ? Math.abs(x[i]!) : x[i]! ** 2;
      while (sums.length > 1) {
        const half = sums.splice(sums.length / 2);
        half.forEach((value, i) => {
          sums[i]! += value;
        });
      }
      result[(at / inner) % channels]! += sums[0]!;
    }
  return norm === "l1" ? result : result.map(Math.sqrt);
}

const next = randomIntegers(3);
const mixed = Float32Array.from(
  { length: 300_000 },
  () => ((next() % 2001) - 1000) * 10 ** ((next() % 40) - 20),
);

describe.each(backends())("channelNorms on $name", (backend) => {
  it("sums magnitudes, or squares under a root", () => {
    const x = Float32Array.of(3, -4, -0, 1, 1, NaN);
    const shape = [3, 2];
    expect(channelNorms(x, { norm: "l1", shape, axis: 0, backend })).toEqual(Float64Array.of(7, 1, NaN));
    expect(channelNorms(x, { norm: "l2", shape, axis: 0, backend })).toEqual(Float64Array.of(5, 1, NaN));
    expect(channelNorms(x, { norm: "l1", shape, axis: 1, backend })).toEqual(Float64Array.of(4, NaN));
    expect(channelNorms(x.subarray(0, 4), { norm: "l2", backend })).toEqual(Float64Array.of(Math.sqrt(26)));
    const large = new Float32Array(100).fill(3e38);
    expect(channelNorms(large, { norm: "l2", backend })[0]).toBeCloseTo(large[0]! * 10, -30);
  });

  test.each([
    [1, 1, 200_001],
    [1, 3, 100_000],
    [2, 3, 70_001],
    [1, 1000, 9],
    [7, 50, 16],
    [5, 31, 33],
    [1000, 7, 1],
    [3, 301, 1],
    [40, 5, 3],
  ])("adds in the order that it states, for any threads: [%d, %d, %d]", (outer, channels, inner) => {
    const x = mixed.subarray(1, 1 + ((outer * channels * inner) % 299_000 || 1));
    const whole = x.subarray(0, x.length - (x.length % (channels * inner)));
    const shape = [whole.length / channels / inner, channels, inner];
    for (const norm of ["l1", "l2"] as const)
      for (const threads of [1, 3])
        expect(channelNorms(whole, { norm, shape, axis: 1, backend, threads })).toEqual(
          inOrder(whole, channels, inner, norm),
        );
  });

  it("gives js's bits for any bits, at every length", () => {
    for (let length = 0; length <= 70; length++) {
      const x = randomBitPatterns(length + 1, length + 1).subarray(1);
      for (const norm of ["l1", "l2"] as const)
        expect(channelNorms(x, { norm, backend })).toEqual(channelNorms(x, { norm, backend: "js" }));
    }
  });

  it("writes into an array of the caller's, also for nothing", () => {
    const out = new Float64Array(3).fill(9);
    expect(channelNorms(new Float32Array(0), { norm: "l1", shape: [3, 0], axis: 0, out, backend })).toBe(out);
    expect([...out]).toEqual([0, 0, 0]);
  });
});

describe("channelNorms", () => {
  const x = new Float32Array(6);
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["no norm", {}, /l1 or l2 for norm/],
    ["another norm", { norm: "l3" }, /l1 or l2 for norm/],
    ["an axis that is not there", { norm: "l1", shape: [2, 3], axis: 2 }, /axis/],
    ["a shape of another length", { norm: "l1", shape: [2, 2] }, /shape/],
    ["out of another length", { norm: "l1", shape: [2, 3], axis: 0, out: new Float64Array(3) }, /length 2/],
    ["out of another type", { norm: "l1", out: new Float32Array(1) }, /Float64Array/],
  ])("refuses %s", (_, options, message) => {
    expect(() => channelNorms(x, options as unknown as ChannelNormsOptions)).toThrow(message);
  });
});

import { describe, expect, it, test } from "vitest";
import { backends, dynamicQuantizeLinear } from "../lib/index.js";
import { runOnnx } from "./support/onnxruntime.js";
import { randomIntegers } from "./support/random.js";

function randomFloats(length: number, low: number, high: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  return Float32Array.from({ length }, () => low + (next() / 2 ** 32) * (high - low));
}

const RANGES = [
  [-1, 1],
  [0.5, 3],
  [-7, -2],
  [0, 255],
  [-1e-20, 3e-20],
  [-1e38, 2e38],
  [-1e-40, 3e-40],
  [0, 2e-43],
  [1e-45, 1e-45],
  [-1e-45, 1e-45],
] as const;

describe.each(backends())("dynamicQuantizeLinear on $name", (backend) => {
  test.each(RANGES)("values from %d to %d: equals onnxruntime", async (low, high) => {
    for (const length of [1, 7, 33, 1000]) {
      const x = randomFloats(length, low, high, length);
      const model = {
        op: "DynamicQuantizeLinear",
        inputs: [{ name: "x", dtype: "float32", shape: [length] }],
        outputs: [
          { name: "y", dtype: "uint8", shape: [length] },
          { name: "scale", dtype: "float32", shape: [] },
          { name: "zero_point", dtype: "uint8", shape: [] },
        ],
      } as const;
      const [y, scale, zeroPoint] = await runOnnx(model, [x]);
      const actual = dynamicQuantizeLinear(x, { backend });
      expect(actual).toEqual({ y, scale: scale![0], zeroPoint: zeroPoint![0] });
    }
  });

  it("keeps 0 exact: the range holds it", () => {
    const { y, scale, zeroPoint } = dynamicQuantizeLinear(Float32Array.of(2, 0, 255), { backend });
    expect({ y: [...y], scale, zeroPoint }).toEqual({ y: [2, 0, 255], scale: 1, zeroPoint: 0 });
  });

  it("gives zeros the scale 1", () => {
    const { y, scale, zeroPoint } = dynamicQuantizeLinear(Float32Array.of(0, -0), { backend });
    expect({ y: [...y], scale, zeroPoint }).toEqual({ y: [0, 0], scale: 1, zeroPoint: 0 });
  });

  it("writes into out", () => {
    const out = new Uint8Array(8).subarray(3, 5);
    expect(dynamicQuantizeLinear(Float32Array.of(-1, 1), { out, backend }).y).toBe(out);
  });

  test.each<[string, number[], string]>([
    ["NaN", [1, NaN], "replace NaN and infinities"],
    ["an infinity", [1, -Infinity], "replace NaN and infinities"],
    ["a range that overflows", [-3e38, 3e38], "whose distance float32 can hold"],
    ["nothing", [], "at least one element for x"],
  ])("refuses %s", (_, x, message) => {
    const input = Float32Array.from(x);
    expect(() => dynamicQuantizeLinear(input, { backend })).toThrow(RangeError);
    expect(() => dynamicQuantizeLinear(input, { backend })).toThrow(message);
  });

  test.each<[string, unknown, string]>([
    ["of another type", new Int8Array(2), "Expected a Uint8Array for out"],
    ["of another length", new Uint8Array(3), "length 2 for out"],
  ])("refuses out %s", (_, out, message) => {
    expect(() => dynamicQuantizeLinear(new Float32Array(2), { out: out as Uint8Array, backend })).toThrow(
      message,
    );
  });
});

import { expect, test } from "vitest";
import {
  bfloat16ToFloat32,
  type Float16ArrayLike,
  float16ToFloat32,
  float32ToFloat16,
} from "../lib/index.js";

interface Float16ArrayConstructor {
  from(values: readonly number[]): Float16ArrayLike & ArrayLike<number>;
}

const { Float16Array } = globalThis as { Float16Array?: Float16ArrayConstructor };

test.runIf(Float16Array)("a Float16Array is as good as its bits, where the runtime has one", () => {
  const halves = Float16Array!.from([1, 0.5, -2, 65504]);
  expect([...float16ToFloat32(halves)]).toEqual([1, 0.5, -2, 65504]);
  const out = Float16Array!.from([0, 0]);
  expect(float32ToFloat16(Float32Array.of(0.25, -8), { out })).toBe(out);
  expect(Array.from(out)).toEqual([0.25, -8]);
  expect(() => bfloat16ToFloat32(halves as never)).toThrow("a Uint16Array of bfloat16 bits for x");
});

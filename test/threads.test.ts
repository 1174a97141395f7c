import { describe, expect, it, test } from "vitest";
import { backends, quantizeLinear } from "../lib/index.js";
import { OPERATION_CALLS, resultBytes } from "./support/calls.js";

describe.each(backends())("on $name", (backend) => {
  test.each(OPERATION_CALLS)("$name does not depend on the number of threads", ({ now }) => {
    const expected = resultBytes(now({ backend, threads: 1 }));
    for (const threads of [2, 3, 8])
      expect(resultBytes(now({ backend, threads })).equals(expected)).toBe(true);
  });
});

it("refuses what is no number of threads", () => {
  const x = Float32Array.of(1);
  for (const threads of [0, -1, 1.5, NaN, 1025])
    expect(() => quantizeLinear(x, { scale: 1, threads })).toThrow(
      new RangeError(`Expected a whole number in 1..1024 for threads but received ${threads}`),
    );
  expect(() => quantizeLinear(x, { scale: 1, threads: "2" as never })).toThrow(TypeError);
});

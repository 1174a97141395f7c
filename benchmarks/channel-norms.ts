import { channelNorms } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { lastAxis, randomFloats } from "./harness/inputs.js";

export const benchmarks: Benchmark[] = [0, 1].map((axis) => ({
  name: `channelNorms, l2 of the ${axis === 0 ? "first" : "last"} axis`,
  prepare(n) {
    const x = randomFloats(n);
    const { shape } = lastAxis(n);
    const [rows, columns] = shape as [number, number];
    const out = new Float64Array(shape[axis]!);
    return {
      library(how) {
        const options = { norm: "l2", shape, axis, out, ...how } as const;
        return () => channelNorms(x, options);
      },
      input: x,
      naive: {
        "two loops"() {
          out.fill(0);
          for (let row = 0, i = 0; row < rows; row++)
            for (let column = 0; column < columns; column++, i++)
              out[axis === 0 ? row : column]! += x[i]! * x[i]!;
          for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(out[i]!);
        },
      },
    };
  },
}));

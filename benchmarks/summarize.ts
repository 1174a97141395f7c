import { summarize } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { randomFloats } from "./harness/inputs.js";

export const benchmarks: Benchmark[] = [
  {
    name: "summarize",
    prepare(n) {
      const x = randomFloats(n);
      return {
        library: (how) => () => summarize(x, how),
        input: x,
        naive: {
          "one loop"() {
            let [min, max, zeros, nans] = [Infinity, -Infinity, 0, 0];
            for (let i = 0; i < n; i++) {
              const v = x[i]!;
              if (Number.isNaN(v)) nans++;
              else {
                if (v === 0) zeros++;
                min = Math.min(min, v);
                max = Math.max(max, v);
              }
            }
            return { min, max, zeros, nans };
          },
        },
      };
    },
  },
];

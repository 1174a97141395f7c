import { histogram } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

const MIN = -2;
const MAX = 2;

export const benchmarks: Benchmark[] = [128, 2048].map((bins) => ({
  name: `histogram, ${bins} bins`,
  prepare(n) {
    const x = randomFloats(n);
    const out = filled(new Float64Array(bins));
    return {
      library(how) {
        const options = { min: MIN, max: MAX, bins, out, ...how };
        return () => histogram(x, options);
      },
      input: x,
      output: out,
      counters: bins,
      naive: {
        "Math.floor"() {
          out.fill(0);
          for (let i = 0; i < n; i++) {
            const bin = Math.floor(((x[i]! - MIN) / (MAX - MIN)) * bins);
            if (bin >= 0 && bin < bins) out[bin]!++;
          }
        },
      },
    };
  },
}));

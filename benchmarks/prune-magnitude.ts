import { magnitudeThreshold, pruneMagnitude } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

const SPARSITY = 0.9;

function thresholdBySorting(x: Float32Array): number {
  return x.map(Math.abs).sort()[Math.max(0, Math.round(SPARSITY * x.length) - 1)]!;
}

export const benchmarks: Benchmark[] = [
  {
    name: "magnitudeThreshold",
    prepare(n) {
      const x = randomFloats(n);
      return {
        library: (how) => () => magnitudeThreshold(x, SPARSITY, how),
        input: x,
        naive: { "sort a copy": () => thresholdBySorting(x) },
      };
    },
  },
  {
    name: "pruneMagnitude to a threshold",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      const threshold = thresholdBySorting(x);
      return {
        library(how) {
          const options = { threshold, out, ...how };
          return () => pruneMagnitude(x, options);
        },
        input: x,
        output: out,
        naive: {
          "Math.abs"() {
            for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]!) <= threshold ? 0 : x[i]!;
          },
        },
      };
    },
  },
  {
    name: "pruneMagnitude to a sparsity",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { sparsity: SPARSITY, out, ...how };
          return () => pruneMagnitude(x, options);
        },
        input: x,
        output: out,
        naive: {
          "sort a copy"() {
            const threshold = thresholdBySorting(x);
            for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]!) <= threshold ? 0 : x[i]!;
          },
        },
      };
    },
  },
];

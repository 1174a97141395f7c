import { dequantizeGguf, quantizeGguf } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

const TYPES = [
  { type: "Q8_0", bytes: 34 },
  { type: "Q4_0", bytes: 18 },
] as const;

export const benchmarks: Benchmark[] = TYPES.flatMap(({ type, bytes }): Benchmark[] => [
  {
    name: `quantizeGguf ${type}`,
    multiple: 32,
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint8Array((n / 32) * bytes));
      return {
        library(how) {
          const options = { type, out, ...how };
          return () => quantizeGguf(x, options);
        },
        input: x,
        output: out,
      };
    },
  },
  {
    name: `dequantizeGguf ${type}`,
    multiple: 32,
    prepare(n) {
      const blocks = quantizeGguf(randomFloats(n), { type });
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { type, out, ...how };
          return () => dequantizeGguf(blocks, options);
        },
        input: blocks,
        output: out,
      };
    },
  },
]);

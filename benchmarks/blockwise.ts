import { type BlockwiseLayout, dequantizeBlockwise, fitBlockwise, quantizeBlockwise } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

/** As near to a square as powers of two allow. */
function matrix(n: number) {
  const rows = 2 ** Math.ceil(Math.log2(n) / 2);
  return { rows, cols: n / rows };
}

const CASES: { name: string; layout: Pick<BlockwiseLayout, "bits" | "transposed">; symmetric: boolean }[] = [
  { name: "4 bits", layout: { bits: 4 }, symmetric: true },
  { name: "4 bits, zero points", layout: { bits: 4 }, symmetric: false },
  { name: "4 bits, transposed", layout: { bits: 4, transposed: true }, symmetric: true },
  { name: "8 bits", layout: { bits: 8 }, symmetric: true },
];

export const benchmarks: Benchmark[] = CASES.flatMap(({ name, layout, symmetric }): Benchmark[] => [
  {
    name: `quantizeBlockwise ${name}`,
    multiple: 1024,
    prepare(n) {
      const w = randomFloats(n);
      const shape = { ...matrix(n), ...layout, symmetric };
      const out = quantizeBlockwise(w, shape);
      return {
        library(how) {
          const options = { ...shape, out, ...how };
          return () => quantizeBlockwise(w, options);
        },
        input: w,
        output: out.packed,
      };
    },
  },
  {
    name: `fitBlockwise ${name}`,
    multiple: 1024,
    prepare(n) {
      const w = randomFloats(n);
      const shape = { ...matrix(n), ...layout };
      const arrays = quantizeBlockwise(w, { ...shape, symmetric });
      const scales = arrays.scales.slice();
      return {
        library(how) {
          const options = { ...shape, ...arrays, ...how };
          return () => {
            arrays.scales.set(scales); // it fits those that it finds
            return fitBlockwise(w, options);
          };
        },
        input: w,
        output: arrays.packed,
      };
    },
  },
  {
    name: `dequantizeBlockwise ${name}`,
    multiple: 1024,
    prepare(n) {
      const shape = { ...matrix(n), ...layout };
      const { packed, ...parameters } = quantizeBlockwise(randomFloats(n), { ...shape, symmetric });
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { ...shape, ...parameters, out, ...how };
          return () => dequantizeBlockwise(packed, options);
        },
        input: packed,
        output: out,
      };
    },
  },
]);

import { dequantizeGguf, quantizeGguf } from "modelpress";
import { type Benchmark, filled, randomFloats } from "./benchmark.js";

const TYPES = [
  { type: "Q8_0", bytes: 34 },
  { type: "Q4_0", bytes: 18 },
] as const;

export const benchmarks: Benchmark[] = TYPES.flatMap(({ type, bytes }): Benchmark[] => [
  {
    name: `quantizeGguf ${type}`,
    limit: "read4Write1",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint8Array((n / 32) * bytes));
      return (backend) => void quantizeGguf(x, { type, out, backend });
    },
  },
  {
    name: `dequantizeGguf ${type}`,
    limit: "read1Write4",
    prepare(n) {
      const blocks = quantizeGguf(randomFloats(n), { type });
      const out = filled(new Float32Array(n));
      return (backend) => void dequantizeGguf(blocks, { type, out, backend });
    },
  },
]);

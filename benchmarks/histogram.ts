import { histogram } from "modelpress";
import { type Benchmark, randomFloats } from "./benchmark.js";

export const benchmarks: Benchmark[] = [128, 2048].map((bins) => ({
  name: `histogram, ${bins} bins`,
  limit: "read",
  prepare(n) {
    const x = randomFloats(n);
    const out = new Float64Array(bins);
    return (backend) => void histogram(x, { min: -2, max: 2, bins, out, backend });
  },
}));

import { dynamicQuantizeLinear } from "modelpress";
import { type Benchmark, filled, randomFloats } from "./benchmark.js";

export const benchmarks: Benchmark[] = [
  {
    name: "dynamicQuantizeLinear",
    limit: "readTwice",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint8Array(n));
      return (backend) => void dynamicQuantizeLinear(x, { out, backend });
    },
  },
];

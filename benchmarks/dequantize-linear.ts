import { dequantizeLinear } from "modelpress";
import { type Benchmark, filled, lastAxis, randomInt8 } from "./benchmark.js";

export const benchmarks: Benchmark[] = [
  {
    name: "dequantizeLinear",
    limit: "read1Write4",
    prepare(n) {
      const q = randomInt8(n);
      const out = filled(new Float32Array(n));
      return (backend) => void dequantizeLinear(q, { scale: 0.0123, zeroPoint: 3, out, backend });
    },
  },
  {
    name: "dequantizeLinear, last axis",
    limit: "read1Write4",
    prepare(n) {
      const q = randomInt8(n);
      const out = filled(new Float32Array(n));
      const axis = lastAxis(n);
      return (backend) => void dequantizeLinear(q, { ...axis, out, backend });
    },
  },
];

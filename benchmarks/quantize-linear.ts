import { quantizeLinear } from "modelpress";
import { type Benchmark, filled, lastAxis, randomFloats } from "./benchmark.js";

export const benchmarks: Benchmark[] = [
  {
    name: "quantizeLinear",
    limit: "read4Write1",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Int8Array(n));
      return (backend) => void quantizeLinear(x, { scale: 0.016, zeroPoint: 1, out, backend });
    },
  },
  {
    name: "quantizeLinear, last axis",
    limit: "read4Write1",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Int8Array(n));
      const axis = lastAxis(n);
      return (backend) => void quantizeLinear(x, { ...axis, out, backend });
    },
  },
];

import { minMax } from "modelpress";
import { type Benchmark, lastAxis, randomFloats } from "./benchmark.js";

export const benchmarks: Benchmark[] = [
  {
    name: "minMax",
    limit: "read",
    prepare(n) {
      const x = randomFloats(n);
      return (backend) => void minMax(x, { backend });
    },
  },
  {
    name: "minMax, last axis",
    limit: "read",
    prepare(n) {
      const x = randomFloats(n);
      const { shape, axis, scale } = lastAxis(n);
      const out = { min: new Float32Array(scale.length), max: new Float32Array(scale.length) };
      return (backend) => void minMax(x, { shape, axis, out, backend });
    },
  },
];

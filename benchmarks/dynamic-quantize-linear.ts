import { dynamicQuantizeLinear } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

export const benchmarks: Benchmark[] = [
  {
    name: "dynamicQuantizeLinear",
    // The limit counts one reading: arrays that a cache holds need no more.
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint8Array(n));
      return {
        library(how) {
          const options = { out, ...how };
          return () => dynamicQuantizeLinear(x, options);
        },
        input: x,
        output: out,
        naive: {
          "Math.min, Math.max, Math.round"() {
            let min = 0;
            let max = 0;
            for (let i = 0; i < n; i++) {
              min = Math.min(min, x[i]!);
              max = Math.max(max, x[i]!);
            }
            const scale = (max - min) / 255;
            const zeroPoint = Math.round(-min / scale);
            for (let i = 0; i < n; i++)
              out[i] = Math.max(0, Math.min(255, Math.round(x[i]! / scale) + zeroPoint));
          },
        },
        onnx: {
          nodes: [{ op: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["y", "scale", "zero_point"] }],
          inputs: { x: { dtype: "float32", shape: [n], data: x } },
          outputs: {
            y: { dtype: "uint8", shape: [n], data: out },
            scale: { dtype: "float32", shape: [], data: new Float32Array(1) },
            zero_point: { dtype: "uint8", shape: [], data: new Uint8Array(1) },
          },
        },
      };
    },
  },
];

import { minMax } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { lastAxis, randomFloats } from "./harness/inputs.js";

export const benchmarks: Benchmark[] = [
  {
    name: "minMax",
    prepare(n) {
      const x = randomFloats(n);
      const float = { dtype: "float32", shape: [], data: new Float32Array(1) } as const;
      return {
        library: (how) => () => minMax(x, how),
        input: x,
        naive: {
          "Math.min and Math.max"() {
            let min = Infinity;
            let max = -Infinity;
            for (let i = 0; i < n; i++) {
              min = Math.min(min, x[i]!);
              max = Math.max(max, x[i]!);
            }
            return { min, max };
          },
          reduce() {
            return { min: x.reduce((a, b) => Math.min(a, b)), max: x.reduce((a, b) => Math.max(a, b)) };
          },
        },
        onnx: {
          nodes: [
            { op: "ReduceMin", inputs: ["x"], outputs: ["min"], attributes: { keepdims: 0 } },
            { op: "ReduceMax", inputs: ["x"], outputs: ["max"], attributes: { keepdims: 0 } },
          ],
          inputs: { x: { dtype: "float32", shape: [n], data: x } },
          outputs: { min: float, max: { ...float, data: new Float32Array(1) } },
        },
      };
    },
  },
  {
    name: "minMax, last axis",
    prepare(n) {
      const x = randomFloats(n);
      const { shape, axis, scale } = lastAxis(n);
      const channels = scale.length;
      const out = { min: new Float32Array(channels), max: new Float32Array(channels) };
      const reduce = { keepdims: 0, axes: [0] };
      return {
        library(how) {
          const options = { shape, axis, out, ...how };
          return () => minMax(x, options);
        },
        input: x,
        naive: {
          "Math.min and Math.max"() {
            out.min.fill(Infinity);
            out.max.fill(-Infinity);
            for (let i = 0; i < n; i++) {
              const channel = i % channels;
              out.min[channel] = Math.min(out.min[channel]!, x[i]!);
              out.max[channel] = Math.max(out.max[channel]!, x[i]!);
            }
          },
        },
        onnx: {
          nodes: [
            { op: "ReduceMin", inputs: ["x"], outputs: ["min"], attributes: reduce },
            { op: "ReduceMax", inputs: ["x"], outputs: ["max"], attributes: reduce },
          ],
          opset: 17, // later ones take the axes as an input
          inputs: { x: { dtype: "float32", shape, data: x } },
          outputs: {
            min: { dtype: "float32", shape: [channels], data: out.min },
            max: { dtype: "float32", shape: [channels], data: out.max },
          },
        },
      };
    },
  },
];

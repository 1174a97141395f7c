import { quantizeLinear } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, lastAxis, randomFloats } from "./harness/inputs.js";

const SCALE = 0.016;
const ZERO_POINT = 1;

export const benchmarks: Benchmark[] = [
  {
    name: "quantizeLinear",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Int8Array(n));
      return {
        library(how) {
          const options = { scale: SCALE, zeroPoint: ZERO_POINT, out, ...how };
          return () => quantizeLinear(x, options);
        },
        input: x,
        output: out,
        naive: {
          "Math.round and clamp"() {
            for (let i = 0; i < n; i++)
              out[i] = Math.max(-128, Math.min(127, Math.round(x[i]! / SCALE) + ZERO_POINT));
          },
          "Int8Array.from"() {
            Int8Array.from(x, (v) => Math.max(-128, Math.min(127, Math.round(v / SCALE) + ZERO_POINT)));
          },
        },
        onnx: {
          nodes: [{ op: "QuantizeLinear", inputs: ["x", "scale", "zero_point"], outputs: ["y"] }],
          inputs: {
            x: { dtype: "float32", shape: [n], data: x },
            scale: { dtype: "float32", shape: [], data: Float32Array.of(SCALE) },
            zero_point: { dtype: "int8", shape: [], data: Int8Array.of(ZERO_POINT) },
          },
          outputs: { y: { dtype: "int8", shape: [n], data: out } },
        },
      };
    },
  },
  {
    name: "quantizeLinear, last axis",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Int8Array(n));
      const { shape, axis, scale } = lastAxis(n);
      const channels = scale.length;
      return {
        library(how) {
          const options = { scale, shape, axis, out, ...how };
          return () => quantizeLinear(x, options);
        },
        input: x,
        output: out,
        naive: {
          "Math.round and clamp"() {
            for (let i = 0; i < n; i++)
              out[i] = Math.max(-128, Math.min(127, Math.round(x[i]! / scale[i % channels]!)));
          },
        },
        onnx: {
          nodes: [
            {
              op: "QuantizeLinear",
              inputs: ["x", "scale", "zero_point"],
              outputs: ["y"],
              attributes: { axis },
            },
          ],
          inputs: {
            x: { dtype: "float32", shape, data: x },
            scale: { dtype: "float32", shape: [channels], data: scale },
            zero_point: { dtype: "int8", shape: [channels], data: new Int8Array(channels) },
          },
          outputs: { y: { dtype: "int8", shape, data: out } },
        },
      };
    },
  },
];

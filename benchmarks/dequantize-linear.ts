import { dequantizeLinear } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, lastAxis, randomInt8 } from "./harness/inputs.js";

const SCALE = 0.0123;
const ZERO_POINT = 3;

export const benchmarks: Benchmark[] = [
  {
    name: "dequantizeLinear",
    prepare(n) {
      const q = randomInt8(n);
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { scale: SCALE, zeroPoint: ZERO_POINT, out, ...how };
          return () => dequantizeLinear(q, options);
        },
        input: q,
        output: out,
        naive: {
          "a loop"() {
            for (let i = 0; i < n; i++) out[i] = (q[i]! - ZERO_POINT) * SCALE;
          },
          "Float32Array.from"() {
            Float32Array.from(q, (v) => (v - ZERO_POINT) * SCALE);
          },
        },
        onnx: {
          nodes: [{ op: "DequantizeLinear", inputs: ["q", "scale", "zero_point"], outputs: ["x"] }],
          inputs: {
            q: { dtype: "int8", shape: [n], data: q },
            scale: { dtype: "float32", shape: [], data: Float32Array.of(SCALE) },
            zero_point: { dtype: "int8", shape: [], data: Int8Array.of(ZERO_POINT) },
          },
          outputs: { x: { dtype: "float32", shape: [n], data: out } },
        },
      };
    },
  },
  {
    name: "dequantizeLinear, last axis",
    prepare(n) {
      const q = randomInt8(n);
      const out = filled(new Float32Array(n));
      const { shape, axis, scale } = lastAxis(n);
      const channels = scale.length;
      return {
        library(how) {
          const options = { scale, shape, axis, out, ...how };
          return () => dequantizeLinear(q, options);
        },
        input: q,
        output: out,
        naive: {
          "a loop"() {
            for (let i = 0; i < n; i++) out[i] = q[i]! * scale[i % channels]!;
          },
        },
        onnx: {
          nodes: [{ op: "DequantizeLinear", inputs: ["q", "scale"], outputs: ["x"], attributes: { axis } }],
          inputs: {
            q: { dtype: "int8", shape, data: q },
            scale: { dtype: "float32", shape: [channels], data: scale },
          },
          outputs: { x: { dtype: "float32", shape, data: out } },
        },
      };
    },
  },
];

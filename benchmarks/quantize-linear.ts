import { quantizeLinear } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, firstAxis, lastAxis, randomFloats } from "./harness/inputs.js";

const SCALE = 0.016;
const ZERO_POINT = 1;

// 1.5 * 2^52: a float64 sum with it has no fraction bits, so the sum is already rounded, ties to even.
const ROUND = 1.5 * 2 ** 52;

/** The fastest that was found in plain JavaScript; the reciprocal makes it wrong in a few values of a million. */
function quantizeByReciprocal(x: Float32Array, out: Int8Array): void {
  const inverse = 1 / SCALE;
  const lo = -128 - ZERO_POINT;
  const hi = 127 - ZERO_POINT;
  const unrolled = x.length - (x.length % 4);
  for (let i = 0; i < unrolled; i += 4) {
    let a = x[i]! * inverse;
    let b = x[i + 1]! * inverse;
    let c = x[i + 2]! * inverse;
    let d = x[i + 3]! * inverse;
    a = a > lo ? a : lo;
    b = b > lo ? b : lo;
    c = c > lo ? c : lo;
    d = d > lo ? d : lo;
    a = a < hi ? a : hi;
    b = b < hi ? b : hi;
    c = c < hi ? c : hi;
    d = d < hi ? d : hi;
    out[i] = ((a + ROUND - ROUND) | 0) + ZERO_POINT;
    out[i + 1] = ((b + ROUND - ROUND) | 0) + ZERO_POINT;
    out[i + 2] = ((c + ROUND - ROUND) | 0) + ZERO_POINT;
    out[i + 3] = ((d + ROUND - ROUND) | 0) + ZERO_POINT;
  }
  for (let i = unrolled; i < x.length; i++) {
    const v = Math.min(Math.max(x[i]! * inverse, lo), hi);
    out[i] = ((v + ROUND - ROUND) | 0) + ZERO_POINT;
  }
}

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
        javascript: { "by the reciprocal, unrolled": () => quantizeByReciprocal(x, out) },
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
  ...(["first", "last"] as const).map(
    (which): Benchmark => ({
      name: `quantizeLinear, ${which} axis`,
      prepare(n) {
        const x = randomFloats(n);
        const out = filled(new Int8Array(n));
        const { shape, axis, scale } = which === "first" ? firstAxis(n) : lastAxis(n);
        const channels = scale.length;
        const run = which === "first" ? n / channels : 1;
        return {
          library(how) {
            const options = { scale, shape, axis, out, ...how };
            return () => quantizeLinear(x, options);
          },
          input: x,
          output: out,
          naive: {
            "Math.round and clamp"() {
              for (let i = 0; i < n; i++) {
                const channel = Math.floor(i / run) % channels;
                out[i] = Math.max(-128, Math.min(127, Math.round(x[i]! / scale[channel]!)));
              }
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
    }),
  ),
];

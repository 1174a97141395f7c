import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

const FLOAT16 = 10;
const FLOAT32 = 1;

/** Without rounding and subnormals, as such snippets are. */
function halfBits(bits: number): number {
  const exponent = ((bits >> 23) & 0xff) - 112;
  if (exponent <= 0) return (bits >> 16) & 0x8000;
  if (exponent >= 31) return ((bits >> 16) & 0x8000) | 0x7c00;
  return ((bits >> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 0x3ff);
}

function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

function bitsOf(x: Float32Array): Uint32Array {
  return new Uint32Array(x.buffer, x.byteOffset, x.length);
}

export const benchmarks: Benchmark[] = [
  {
    name: "float32ToFloat16",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint16Array(n));
      return {
        library(how) {
          const options = { out, ...how };
          return () => float32ToFloat16(x, options);
        },
        input: x,
        output: out,
        naive: {
          "shifts of the bits"() {
            const bits = bitsOf(x);
            for (let i = 0; i < n; i++) out[i] = halfBits(bits[i]!);
          },
        },
        onnx: {
          nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: FLOAT16 } }],
          inputs: { x: { dtype: "float32", shape: [n], data: x } },
          outputs: { y: { dtype: "float16", shape: [n], data: out } },
        },
      };
    },
  },
  {
    name: "float16ToFloat32",
    prepare(n) {
      const x = float32ToFloat16(randomFloats(n));
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { out, ...how };
          return () => float16ToFloat32(x, options);
        },
        input: x,
        output: out,
        naive: {
          "powers of two"() {
            for (let i = 0; i < n; i++) out[i] = halfValue(x[i]!);
          },
        },
        onnx: {
          nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: FLOAT32 } }],
          inputs: { x: { dtype: "float16", shape: [n], data: x } },
          outputs: { y: { dtype: "float32", shape: [n], data: out } },
        },
      };
    },
  },
  {
    name: "float32ToBfloat16",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Uint16Array(n));
      return {
        library(how) {
          const options = { out, ...how };
          return () => float32ToBfloat16(x, options);
        },
        input: x,
        output: out,
        // The upper half alone is another function: it rounds toward zero.
        naive: {
          "the upper half, rounded"() {
            const bits = bitsOf(x);
            for (let i = 0; i < n; i++) out[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
          },
        },
      };
    },
  },
  {
    name: "bfloat16ToFloat32",
    prepare(n) {
      const x = float32ToBfloat16(randomFloats(n));
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { out, ...how };
          return () => bfloat16ToFloat32(x, options);
        },
        input: x,
        output: out,
        naive: {
          "a shift"() {
            const bits = bitsOf(out);
            for (let i = 0; i < n; i++) bits[i] = x[i]! << 16;
          },
        },
      };
    },
  },
];

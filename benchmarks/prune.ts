import { magnitudeHistogram, magnitudeThreshold, pruneBlocks, pruneMagnitude, pruneNM } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, lastAxis, randomFloats } from "./harness/inputs.js";

const SPARSITY = 0.9;

function thresholdBySorting(x: Float32Array): number {
  return x.map(Math.abs).sort()[Math.max(0, Math.round(SPARSITY * x.length) - 1)]!;
}

export const benchmarks: Benchmark[] = [
  {
    name: "magnitudeHistogram",
    prepare(n) {
      const x = randomFloats(n);
      const out = new Float64Array(2 ** 15);
      return {
        library(how) {
          const options = { out, ...how };
          return () => magnitudeHistogram(x, options);
        },
        input: x,
        counters: 512, // of 32768, where nearly all of these values lie
        naive: {
          "Math.log2"() {
            out.fill(0);
            for (let i = 0; i < n; i++) out[Math.floor(128 * (Math.log2(Math.abs(x[i]!)) + 127))]!++;
          },
        },
      };
    },
  },
  {
    name: "magnitudeThreshold",
    prepare(n) {
      const x = randomFloats(n);
      return {
        library: (how) => () => magnitudeThreshold(x, SPARSITY, how),
        input: x,
        naive: { "sort a copy": () => thresholdBySorting(x) },
      };
    },
  },
  {
    name: "pruneMagnitude to a threshold",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      const threshold = thresholdBySorting(x);
      return {
        library(how) {
          const options = { threshold, out, ...how };
          return () => pruneMagnitude(x, options);
        },
        input: x,
        output: out,
        naive: {
          "Math.abs"() {
            for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]!) <= threshold ? 0 : x[i]!;
          },
        },
      };
    },
  },
  {
    name: "pruneMagnitude to a sparsity",
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { sparsity: SPARSITY, out, ...how };
          return () => pruneMagnitude(x, options);
        },
        input: x,
        output: out,
        naive: {
          "sort a copy"() {
            const threshold = thresholdBySorting(x);
            for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]!) <= threshold ? 0 : x[i]!;
          },
        },
      };
    },
  },
  {
    name: "pruneNM 2:4",
    multiple: 4,
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      return {
        library(how) {
          const options = { keep: 2, of: 4, out, ...how };
          return () => pruneNM(x, options);
        },
        input: x,
        output: out,
        naive: {
          "sort each group"() {
            for (let i = 0; i < n; i += 4) {
              const group = x.subarray(i, i + 4);
              const order = [0, 1, 2, 3].sort((a, b) => Math.abs(group[b]!) - Math.abs(group[a]!));
              out.fill(0, i, i + 4);
              for (const k of order.slice(0, 2)) out[i + k] = group[k]!;
            }
          },
        },
      };
    },
  },
  {
    name: "pruneBlocks of 4 x 16",
    multiple: 64,
    prepare(n) {
      const x = randomFloats(n);
      const out = filled(new Float32Array(n));
      const { shape } = lastAxis(n);
      const [rows, columns] = shape as [number, number];
      return {
        library(how) {
          const options = { shape, block: [4, 16], sparsity: SPARSITY, out, ...how } as const;
          return () => pruneBlocks(x, options);
        },
        input: x,
        output: out,
        naive: {
          "sort the sums"() {
            const across = Math.ceil(columns / 16);
            const sums = new Float64Array(Math.ceil(rows / 4) * across);
            const blockOf = (i: number) => (Math.floor(i / columns) >> 2) * across + ((i % columns) >> 4);
            for (let i = 0; i < n; i++) sums[blockOf(i)]! += Math.abs(x[i]!);
            const limit = sums.slice().sort()[Math.round(SPARSITY * sums.length) - 1]!;
            for (let i = 0; i < n; i++) out[i] = sums[blockOf(i)]! <= limit ? 0 : x[i]!;
          },
        },
      };
    },
  },
];

import { packBitmask, pruneMagnitude, unpackBitmask } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, randomFloats } from "./harness/inputs.js";

/** Half of it zeros, in no order. */
function halfZeros(n: number): Float32Array {
  const x = randomFloats(n);
  return pruneMagnitude(x, { threshold: 1, out: x });
}

export const benchmarks: Benchmark[] = [
  {
    name: "packBitmask",
    multiple: 8,
    prepare(n) {
      const x = halfZeros(n);
      const { values, bitmask } = packBitmask(x);
      const naive = { values: filled(new Float32Array(n)), bitmask };
      return {
        library(how) {
          const options = { out: { values, bitmask }, ...how };
          return () => packBitmask(x, options);
        },
        input: x,
        output: values,
        naive: {
          "one loop"() {
            naive.bitmask.fill(0);
            let stored = 0;
            for (let i = 0; i < n; i++) {
              if (x[i] === 0) continue;
              naive.bitmask[i >> 3]! |= 1 << (i & 7);
              naive.values[stored++] = x[i]!;
            }
          },
        },
      };
    },
  },
  {
    name: "unpackBitmask",
    multiple: 8,
    prepare(n) {
      const { values, bitmask } = packBitmask(halfZeros(n));
      const out = filled(new Float32Array(n));
      const packed = { values, bitmask, length: n };
      return {
        library: (how) => () => unpackBitmask(packed, { out, ...how }),
        input: values,
        output: out,
        naive: {
          "one loop"() {
            let used = 0;
            for (let i = 0; i < n; i++) out[i] = (bitmask[i >> 3]! >> (i & 7)) & 1 ? values[used++]! : 0;
          },
        },
      };
    },
  },
];

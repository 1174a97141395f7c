import { countNonzero, fromCsr, packBitmask, pruneMagnitude, toCsr, unpackBitmask } from "modelpress";
import type { Benchmark } from "./harness/benchmark.js";
import { filled, lastAxis, randomFloats } from "./harness/inputs.js";

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
  {
    name: "countNonzero",
    prepare(n) {
      const x = halfZeros(n);
      return {
        library: (how) => () => countNonzero(x, how),
        input: x,
        naive: {
          "one loop"() {
            let count = 0;
            for (let i = 0; i < n; i++) if (x[i] !== 0) count++;
            return count;
          },
        },
      };
    },
  },
  {
    name: "fromCsr",
    prepare(n) {
      const shape = lastAxis(n).shape as [number, number];
      const csr = toCsr(halfZeros(n), { shape });
      const out = filled(new Float32Array(n));
      const { values, indices, indptr } = csr;
      return {
        library(how) {
          const options = { shape, out, ...how };
          return () => fromCsr(csr, options);
        },
        input: values,
        output: out,
        naive: {
          "two loops"() {
            out.fill(0);
            for (let row = 0; row < shape[0]; row++)
              for (let i = indptr[row]!; i < indptr[row + 1]!; i++)
                out[row * shape[1] + indices[i]!] = values[i]!;
          },
        },
      };
    },
  },
  {
    name: "toCsr, with arrays of its own",
    prepare(n) {
      const x = halfZeros(n);
      const shape = lastAxis(n).shape as [number, number];
      return {
        library(how) {
          const options = { shape, ...how };
          return () => toCsr(x, options);
        },
        input: x,
        naive: {
          lists() {
            const [rows, columns] = shape;
            const csr = { values: [] as number[], indices: [] as number[], indptr: [0] };
            for (let row = 0; row < rows; row++) {
              for (let column = 0; column < columns; column++) {
                const value = x[row * columns + column]!;
                if (value === 0) continue;
                csr.values.push(value);
                csr.indices.push(column);
              }
              csr.indptr.push(csr.values.length);
            }
            return csr;
          },
        },
      };
    },
  },
];

import { type Backend, backends } from "modelpress";
import type { Benchmark, How } from "./harness/benchmark.js";
import { randomFloats } from "./harness/inputs.js";

/** The width of a small transformer. */
const COLUMNS = 512;

function on({ backend = backends()[0]!, threads = 0 }: How): { backend: Backend; threads: number } {
  return { backend, threads };
}

/** X^T X of random rows, well away from singular. */
function gramOf(columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  on({}).backend.accumulateGram(randomFloats(2 * columns * columns), gram, columns, 0);
  for (let i = 0; i < columns; i++) {
    gram[i * columns + i]! += columns;
    for (let j = 0; j < i; j++) gram[i * columns + j] = gram[j * columns + i]!;
  }
  return gram;
}

function factorOf(columns: number): Float64Array {
  const factor = gramOf(columns);
  on({}).backend.reversedCholesky(factor, columns, 0);
  return factor;
}

/** Work grows faster than memory here, so what the memory allows is no limit to it. */
const methods: Benchmark[] = [
  {
    name: `accumulateGram ${COLUMNS} columns`,
    multiple: COLUMNS,
    prepare(n) {
      const x = randomFloats(n);
      const gram = new Float64Array(COLUMNS * COLUMNS);
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () => backend.accumulateGram(x, gram, COLUMNS, threads);
        },
        input: x,
      };
    },
  },
  {
    name: "reversedCholesky",
    prepare(n) {
      const side = Math.floor(Math.sqrt(n));
      const gram = gramOf(side);
      const out = new Float64Array(side * side);
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () => {
            out.set(gram);
            backend.reversedCholesky(out, side, threads);
          };
        },
        input: gram,
        output: out,
      };
    },
  },
  {
    name: `compensateRounding ${COLUMNS} columns`,
    multiple: COLUMNS,
    prepare(n) {
      const w = randomFloats(n);
      const steps = new Uint8Array(n);
      const factor = factorOf(COLUMNS);
      const order = Int32Array.from({ length: COLUMNS }, (_, i) => i);
      const outputs = n / COLUMNS;
      const scales = new Float32Array(outputs).fill(1 / 64);
      const points = new Int32Array(outputs);
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () =>
            backend.compensateRounding(w, steps, factor, order, scales, points, COLUMNS, -127, 127, threads);
        },
        input: w,
        output: steps,
      };
    },
  },
  {
    name: `accumulateProducts ${COLUMNS} columns, 64 outputs`,
    multiple: COLUMNS,
    prepare(n) {
      const x = randomFloats(n);
      const y = randomFloats((64 * n) / COLUMNS);
      const products = new Float64Array(64 * COLUMNS);
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () => backend.accumulateProducts(x, y, products, COLUMNS, threads);
        },
        input: x,
      };
    },
  },
  {
    name: `fitKept ${COLUMNS} columns, every second kept`,
    multiple: COLUMNS,
    prepare(n) {
      const gram = gramOf(COLUMNS);
      const products = Float64Array.from(randomFloats(n));
      const out = new Float32Array(n);
      const random = randomFloats(n);
      const kept = Uint8Array.from(random, (value) => Number(value > 0));
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () => backend.fitKept(gram, products, kept, out, COLUMNS, threads);
        },
        input: products,
        output: out,
      };
    },
  },
  {
    name: `compensatePruning ${COLUMNS} columns, 2 of 4`,
    multiple: COLUMNS,
    prepare(n) {
      const w = randomFloats(n);
      const [kept, pruned, costs] = [new Uint8Array(n), new Float32Array(n), new Float32Array(n)];
      const factor = factorOf(COLUMNS);
      const order = Int32Array.from({ length: COLUMNS }, (_, i) => i);
      return {
        library(how) {
          const { backend, threads } = on(how);
          return () => {
            kept.fill(1);
            backend.compensatePruning(w, kept, pruned, costs, factor, order, -1, 2, 4, threads);
          };
        },
        input: w,
        output: pruned,
      };
    },
  },
];

/** Methods of backends: the functions that call them are no part of the public surface. */
export const benchmarks = methods.map((method) => ({ ...method, choosesNothing: true }));

// Times the kernels of pruning on 64 Mi floats in 16 arrays, one thread, in turn with the loops that move the same bytes and do
// nothing else; with --python PYTHON the same k-th smallest magnitude by numpy.partition and torch.kthvalue afterwards.
//   npm run bench -- --filter none && node benchmarks/prune-kernels.mjs [--python PYTHON]     the first compiles the loops
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { magnitudeThreshold, packBitmask, pruneMagnitude, pruneNM } from "modelpress";

const { values: options } = parseArgs({ options: { python: { type: "string" } } });
const ARRAYS = 16;
const LENGTH = 2 ** 22;
const ROUNDS = 5;
const SPARSITY = 0.5;

const { loops } = createRequire(import.meta.url)("../build/benchmarks/limits.node");
const how = { threads: 1 };

/** @param {number} seed */
function noise(seed) {
  let state = seed + 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  // The sum of three is near enough to a normal distribution.
  return Float32Array.from({ length: LENGTH }, () => next() + next() + next() - 1.5);
}

const x = Array.from({ length: ARRAYS }, (_, i) => noise(i));
const work = x.map((array) => array.slice());
const out = x.map((array) => new Float32Array(array.length).fill(1));
const values = new Float32Array(LENGTH).fill(1);
const bitmask = new Uint8Array(LENGTH / 8).fill(1);
const threshold = magnitudeThreshold(x, SPARSITY, how);

/** The loops that read and write in a proportion. @param {number} reads @param {number} writes @param {Float32Array[]} to */
function moving(reads, writes, to) {
  const fitting = loops.filter(
    (/** @type {any} */ loop) => loop.writes === writes && (writes === 0 || loop.reads === reads),
  );
  const from = to === work ? work : x;
  const bytes = (/** @type {Float32Array | undefined} */ array) =>
    array ? new Uint8Array(array.buffer) : new Uint8Array();
  return fitting.map((/** @type {any} */ { run }) => () => {
    for (const [i, array] of from.entries()) run(bytes(array), bytes(to[i]), 1);
  });
}

/** @type {Record<string, { run: () => void, limit: string }>} */
const kernels = {
  magnitudeThreshold: { run: () => void magnitudeThreshold(x, SPARSITY, how), limit: "read" },
  "pruneMagnitude to a threshold, in place": {
    run: () => void pruneMagnitude(work, { threshold, out: work, ...how }),
    limit: "read and written in place",
  },
  "packBitmask of half zeros": {
    run: () => {
      for (const array of work) packBitmask(array, { out: { values, bitmask }, ...how });
    },
    limit: "two read, one written",
  },
  "pruneNM 2:4": {
    run: () => {
      for (const [i, array] of x.entries()) pruneNM(array, { keep: 2, of: 4, out: out[i], ...how });
    },
    limit: "one read, one written",
  },
};
/** @type {Record<string, (() => void)[]>} */
const passes = {
  read: moving(1, 0, []),
  "read and written in place": moving(1, 1, work),
  "two read, one written": moving(2, 1, out),
  "one read, one written": moving(1, 1, out),
};

/** @param {() => void} run */
function milliseconds(run) {
  const begin = performance.now();
  run();
  return performance.now() - begin;
}

/** @type {Record<string, number>} */
const best = {};
for (let round = 0; round <= ROUNDS; round++) {
  const timed = [
    ...Object.entries(kernels).map(([name, { run }]) => /** @type {const} */ ([name, [run]])),
    ...Object.entries(passes),
  ];
  for (const [name, runs] of timed)
    for (const run of runs) {
      const time = milliseconds(run);
      if (round > 0) best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, time);
    }
}
for (const [name, { limit: pass }] of Object.entries(kernels)) {
  const [own = 0, moved = 0] = [best[name], best[pass]];
  console.log(
    `${name}: ${own.toFixed(1)} ms; ${pass}: ${moved.toFixed(1)} ms, ${(moved / own).toFixed(2)} of that speed`,
  );
}

const PYTHON = `
import time, numpy, torch
torch.set_num_threads(1)
x = numpy.random.default_rng(0).standard_normal(${ARRAYS * LENGTH}, dtype=numpy.float32)
k = x.size // 2
def best(run):
    times = []
    for _ in range(2):
        begin = time.perf_counter(); run(); times.append(time.perf_counter() - begin)
    return 1e3 * min(times)
print(best(lambda: numpy.partition(numpy.abs(x), k)), best(lambda: torch.kthvalue(torch.from_numpy(x).abs(), k)))
`;
if (options.python) {
  const { stdout, stderr, status } = spawnSync(options.python, ["-c", PYTHON], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const [partition = 0, kthvalue = 0] = stdout.trim().split(" ").map(Number);
  const own = best.magnitudeThreshold ?? 0;
  for (const [name, time] of Object.entries({ "numpy.partition": partition, "torch.kthvalue": kthvalue }))
    console.log(
      `${name} of the magnitudes: ${time.toFixed(0)} ms, ${(time / own).toFixed(1)} times magnitudeThreshold, ${(time / (best.read ?? 0)).toFixed(1)} times one read pass`,
    );
}

// One benchmark, one backend, one size, in a process of its own: prints what it measured as JSON.
//   node trial.js FILE NAME BACKEND N SAMPLES
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { backends } from "modelpress";
import { type Benchmark, filled, type Limit, randomFloats } from "./benchmark.js";

export interface Trial {
  /** Nanoseconds for one call, the median. */
  time: number;
  /** Nanoseconds to copy n float32 with memcpy. */
  copy?: number;
  /** Nanoseconds that the operation's bytes take at least, by the better of ordinary and non-temporal stores. */
  limit?: number;
}

type Loop = (from: Uint8Array, to?: Uint8Array) => void;

const [file, name, backendName, size, samples] = process.argv.slice(2);
const n = Number(size);
const { benchmarks } = (await import(`./${file}.js`)) as { benchmarks: Benchmark[] };
const benchmark = benchmarks.find((candidate) => candidate.name === name)!;
const backend = backends().find((candidate) => candidate.name === backendName)!;
const call = benchmark.prepare(n);

const contenders: Record<string, () => void> = { time: () => call(backend) };
const addon = fileURLToPath(new URL("limits.node", import.meta.url));
if (existsSync(addon)) {
  const loops: Record<string, Loop> = createRequire(import.meta.url)(addon);
  const floats = new Uint8Array(randomFloats(n).buffer);
  const copies = filled(new Uint8Array(4 * n));
  const bytes = floats.subarray(0, n);
  const moves: Record<Limit, [loop: Loop, from: Uint8Array, to: Uint8Array][]> = {
    read: [[loops.read!, floats, bytes]],
    read4Write1: [
      [loops.read4Write1!, floats, copies.subarray(0, n)],
      [loops.read4Write1Streamed!, floats, copies.subarray(0, n)],
    ],
    read1Write4: [
      [loops.read1Write4!, bytes, copies],
      [loops.read1Write4Streamed!, bytes, copies],
    ],
    readTwice: [],
  };
  const readOnce = moves.read[0]![0];
  moves.readTwice = moves.read4Write1.map(([loop, from, to]) => [
    (a, b) => {
      readOnce(a);
      loop(a, b);
    },
    from,
    to,
  ]);
  contenders.copy = () => loops.copy!(floats, copies);
  moves[benchmark.limit].forEach(([loop, from, to], i) => {
    contenders[`limit${i}`] = () => loop(from, to);
  });
}

function elapsed(run: () => void, repeats: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeats; i++) run();
  return Number(process.hrtime.bigint() - start) / repeats;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const WARM_UP_NANOSECONDS = 1e8; // the compiler has seen the call by then
const SAMPLE_NANOSECONDS = 2e6; // long enough for the clock
const entries = Object.entries(contenders).map(([key, run]) => {
  let once = 0;
  for (let spent = 0; spent < WARM_UP_NANOSECONDS; spent += once) once = elapsed(run, 1);
  return { key, run, repeats: Math.max(1, Math.round(SAMPLE_NANOSECONDS / once)), times: [] as number[] };
});
// Taken in turns, so that what else the machine does hits all of them alike.
for (let sample = 0; sample < Number(samples); sample++)
  for (const entry of entries) entry.times.push(elapsed(entry.run, entry.repeats));

const medians = Object.fromEntries(entries.map(({ key, times }) => [key, median(times)]));
const limits = ["limit0", "limit1"].flatMap((key) => medians[key] ?? []);
const trial: Trial = { time: medians.time! };
if (medians.copy !== undefined) trial.copy = medians.copy;
if (limits.length > 0) trial.limit = Math.min(...limits);
console.log(JSON.stringify(trial));

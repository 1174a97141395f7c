// A service under load for as long as asked: quantizes request buffers off the event loop, quantizes models and runs them, all at
// once. The load is that of a service that answers in time: a connection rests for as long as its request took, and models take one
// core. Then loads and unloads the addon in workers. Ends with an error where memory grows after the warm-up, or where the 99th
// percentile of the event loop's delay passes 20 ms.
//   node --expose-gc scripts/soak.mjs [--seconds 1200] [--workers 10000] [--no-delay-limit]
// A minute is the least that tells something. On a machine that does other work too, delays are of its making: --no-delay-limit
// only tells them.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createHistogram } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import {
  backends,
  compareModels,
  computeQuantParams,
  dequantizeLinearAsync,
  histogramAsync,
  minMaxAsync,
  pruneMagnitudeAsync,
  quantizeLinearAsync,
  quantizeModel,
} from "modelpress";
import { labelledDigits } from "./labelled-digits.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "1200" },
    workers: { type: "string", default: "10000" },
    "no-delay-limit": { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const workers = Number(values.workers);
const MAX_DELAY_MS = 20;
/** Of the memory after the warm-up, which is the first fifth of the time; below that the allocator's own rounding decides. */
const MAX_GROWTH = 0.05;
/** More would only wait for each other. */
const REQUESTS_AT_ONCE = availableParallelism();
const WORKERS_AT_ONCE = 4;

const { gc } = globalThis;
if (!gc) {
  console.error("Start with node --expose-gc, for memory is read after a collection");
  process.exit(2);
}

/** Memory of the process with everything collected that can be, in MB. */
async function memoryNow() {
  // What finalizers free comes a turn after what they belong to.
  for (let i = 0; i < 3; i++) {
    gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss: rss / 1e6, held: (heapUsed + external) / 1e6 };
}

/** @param {number[]} numbers */
function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

/**
 * Compares the first third of the readings after the warm-up, a fifth of them, with the last.
 *
 * @param {string} what
 * @param {{ rss: number, held: number }[]} readings
 */
function checkGrowth(what, readings) {
  const steady = readings.slice(Math.ceil(readings.length / 5));
  const third = Math.max(1, Math.floor(steady.length / 3));
  for (const kind of /** @type {const} */ (["rss", "held"])) {
    const first = median(steady.slice(0, third).map((reading) => reading[kind]));
    const last = median(steady.slice(-third).map((reading) => reading[kind]));
    const growth = (last - first) / first;
    console.log(
      `${what}: ${kind} ${first.toFixed(1)} MB, at the end ${last.toFixed(1)} MB (${(100 * growth).toFixed(1)} %)`,
    );
    if (growth > MAX_GROWTH) fail(`${what}: memory grew`);
  }
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

/**
 * A connection: bodies of 4 MB arrive in memory of their own, are quantized, checked and answered from memory that is used again.
 *
 * @returns {(seed: number) => Promise<void>}
 */
function connection() {
  const y = new Uint8Array(1 << 20);
  const back = new Float32Array(y.length);
  return async (seed) => {
    const body = Buffer.alloc(back.byteLength);
    const x = new Float32Array(body.buffer, body.byteOffset, back.length);
    const changed = seed % x.length;
    x[changed] = seed + 1;
    const { min, max } = await minMaxAsync(x);
    const params = computeQuantParams({ min, max, dtype: "uint8" });
    await quantizeLinearAsync(x, { ...params, dtype: "uint8", out: y });
    await dequantizeLinearAsync(y, { ...params, out: back });
    if (Math.abs((back[changed] ?? 0) - seed - 1) > params.scale)
      throw new Error("a request got a wrong answer");
    await histogramAsync(x, { min, max, bins: 128 });
    await pruneMagnitudeAsync(x, { sparsity: 0.5, out: x });
  };
}

/** How late timers of one millisecond are, in microseconds; `pause` leaves out what happens until `resume`. */
function watchDelay() {
  const histogram = createHistogram();
  let last = performance.now();
  let paused = false;
  const timer = setInterval(() => {
    const now = performance.now();
    if (!paused) histogram.record(Math.max(1, Math.round((now - last - 1) * 1000)));
    last = now;
  }, 1);
  return {
    milliseconds: (/** @type {number} */ percentile) => histogram.percentile(percentile) / 1000,
    forget: () => histogram.reset(),
    stop: () => clearInterval(timer),
    pause: () => {
      paused = true;
    },
    resume: () => {
      last = performance.now();
      paused = false;
    },
  };
}

async function serve() {
  const { calibration, test } = labelledDigits();
  const folder = mkdtempSync(join(tmpdir(), "modelpress-soak-"));
  const delay = watchDelay();
  const until = performance.now() + seconds * 1000;
  const counts = { requests: 0, models: 0 };
  const goesOn = () => performance.now() < until;
  async function requests() {
    const answer = connection();
    while (goesOn()) {
      const asked = performance.now();
      await answer(counts.requests++);
      await new Promise((resolve) => setTimeout(resolve, performance.now() - asked));
    }
  }
  async function models() {
    const output = join(folder, "model.onnx");
    for (const name of cycle(["digits_cnn", "digits_dw", "digits_vit"])) {
      if (!goesOn()) break;
      const model = `models/${name}.onnx`;
      const work = { samples: 64, threads: 1 };
      const { model: quantized } = await quantizeModel(model, { output, data: calibration, ...work });
      quantized.close();
      await compareModels(model, output, { data: test, latency: false, ...work });
      counts.models++;
    }
  }
  /** @type {{ rss: number, held: number }[]} */
  const readings = [];
  async function watch() {
    setTimeout(delay.forget, seconds * 200);
    // Not more often: what is collected by force leaves its mark on the collections after it.
    const every = Math.max(5000, (seconds * 1000) / 60);
    while (goesOn()) {
      await new Promise((resolve) => setTimeout(resolve, every));
      // Not what collecting for the reading takes.
      delay.pause();
      readings.push(await memoryNow());
      delay.resume();
    }
  }
  await Promise.all([watch(), models(), ...Array.from({ length: REQUESTS_AT_ONCE }, requests)]);
  delay.stop();
  rmSync(folder, { recursive: true, force: true });
  const p99 = delay.milliseconds(99);
  console.log(
    `service: ${counts.requests} requests and ${counts.models} models in ${seconds} s on ${backends()[0]?.name}`,
  );
  console.log(
    `service: delay of the event loop p50 ${delay.milliseconds(50).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  );
  if (p99 > MAX_DELAY_MS && !values["no-delay-limit"])
    fail(`the event loop was held up for more than ${MAX_DELAY_MS} ms`);
  checkGrowth("service", readings);
}

/** @template T @param {readonly T[]} items */
function* cycle(items) {
  for (;;) yield* items;
}

const WORKER = `
  import("modelpress").then(async ({ quantizeLinearAsync }) => {
    await quantizeLinearAsync(new Float32Array(100_000), { scale: 1, threads: 2 });
    process.exit(0);
  });`;

async function loadAndUnload() {
  /** @type {{ rss: number, held: number }[]} */
  const readings = [];
  let done = 0;
  async function oneAfterTheOther() {
    while (done < workers) {
      done++;
      const worker = new Worker(WORKER, { eval: true });
      const code = await new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
      if (code !== 0) throw new Error(`a worker ended with ${code}`);
      if (done % Math.max(1, Math.floor(workers / 40)) === 0) readings.push(await memoryNow());
    }
  }
  await Promise.all(Array.from({ length: WORKERS_AT_ONCE }, oneAfterTheOther));
  console.log(`workers: ${done} have loaded the addon and gone`);
  checkGrowth("workers", readings);
}

if (seconds > 0) await serve();
if (workers > 0) await loadAndUnload();

// Loads the package in many workers at once and one after the other; some end while it works.
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";

const source = `
  const { parentPort, workerData } = require("node:worker_threads");
  import("modelpress").then(async ({ backends, quantizeLinearAsync }) => {
    const x = new Float32Array(1_000_000).fill(workerData);
    const y = quantizeLinearAsync(x, { scale: 0.5, threads: 2 });
    parentPort.postMessage({ native: backends().length > 1, y: (await y)[999_999] });
  });`;

/** @param {number} value */
async function inWorker(value) {
  const worker = new Worker(source, { eval: true, workerData: value });
  const result = await new Promise((resolve, reject) =>
    worker.once("message", resolve).once("error", reject),
  );
  await worker.terminate();
  return result;
}

let count = 0;
for (let round = 0; round < 5; round++) {
  const values = [1, 2, 3, 4].map((value) => value + round);
  for (const [i, result] of (await Promise.all(values.map(inWorker))).entries())
    assert.deepEqual(result, { native: true, y: (values[i] ?? 0) * 2 });
  const stopped = new Worker(source, { eval: true, workerData: 1 });
  setTimeout(() => stopped.terminate(), 20 * round);
  await new Promise((resolve) => stopped.once("exit", resolve));
  count += 5;
}
console.log(`${count} workers`);

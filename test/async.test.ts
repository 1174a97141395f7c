import { spawnSync } from "node:child_process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it, test } from "vitest";
import { backends, minMaxAsync, quantizeLinear, quantizeLinearAsync } from "../lib/index.js";
import { OPERATION_CALLS, resultBytes } from "./support/calls.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BUILT = JSON.stringify(new URL("../dist/index.js", import.meta.url).href);

describe.each(backends())("on $name", (backend) => {
  test.each(OPERATION_CALLS)("$name gives off the event loop what it gives on it", async ({ now, later }) => {
    const results = await Promise.all([
      later({ backend, threads: 1 }),
      later({ backend }),
      later({ backend }),
    ]);
    const expected = resultBytes(now({ backend }));
    for (const result of results) expect(resultBytes(result).equals(expected)).toBe(true);
  });

  it("does nothing once the signal is aborted", async () => {
    const out = new Int8Array(100).fill(5);
    const signal = AbortSignal.abort(new Error("changed my mind"));
    const call = quantizeLinearAsync(new Float32Array(100), { scale: 1, out, backend, signal });
    await expect(call).rejects.toThrow("changed my mind");
    expect(out.every((value) => value === 5)).toBe(true);
  });

  it("rejects with the signal's reason when it is aborted on the way", async () => {
    const controller = new AbortController();
    const x = new Float32Array(4 << 20);
    const call = quantizeLinearAsync(x, { scale: 1, backend, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });

  it("rejects wrong arguments, and does not throw them", async () => {
    const x = new Float32Array(8);
    await expect(quantizeLinearAsync(x, { scale: -1, backend })).rejects.toThrow(RangeError);
    await expect(minMaxAsync(new Float32Array(0), { backend })).rejects.toThrow("at least one element");
  });

  it("refuses arrays that were transferred before the call", async () => {
    const x = new Float32Array(8);
    structuredClone(x, { transfer: [x.buffer] });
    await expect(quantizeLinearAsync(x, { scale: 1, backend })).rejects.toThrow("transferred or detached");
    expect(() => quantizeLinear(x, { scale: 1, backend })).toThrow("transferred or detached");
  });

  const views: [string, (bytes: number) => ArrayBufferLike][] = [
    ["an ArrayBuffer", (bytes) => new ArrayBuffer(bytes)],
    ["a SharedArrayBuffer", (bytes) => new SharedArrayBuffer(bytes)],
    ["a resizable ArrayBuffer", (bytes) => resizable(ArrayBuffer, bytes)],
    ["a growable SharedArrayBuffer", (bytes) => resizable(SharedArrayBuffer, bytes)],
  ];
  test.each(views)("works on a part of %s", async (_, make) => {
    const x = new Float32Array(make(4 * 300), 40, 200).map((__, i) => i - 100) as Float32Array;
    const from = new Float32Array(make(4 * 300), 40, 200);
    from.set(x);
    const out = new Int8Array(make(300), 7, 200);
    expect(await quantizeLinearAsync(from, { scale: 0.7, out, backend })).toBe(out);
    expect(out).toEqual(quantizeLinear(x, { scale: 0.7 }));
    expect(new Uint8Array(out.buffer).filter((value, i) => (i < 7 || i >= 207) && value !== 0)).toHaveLength(
      0,
    );
  });

  it("may shrink a resizable ArrayBuffer as soon as the call has returned", async () => {
    const buffer = resizable(ArrayBuffer, 4 << 20) as ArrayBuffer & { resize(bytes: number): void };
    const call = minMaxAsync(new Float32Array(buffer).fill(3), { backend });
    buffer.resize(0);
    expect(await call).toEqual({ min: 3, max: 3 });
  });
});

/** TypeScript's library for Node 20 does not know the second argument. */
function resizable(Buffer: new (bytes: number) => ArrayBufferLike, bytes: number): ArrayBufferLike {
  return new (Buffer as new (bytes: number, options: object) => ArrayBufferLike)(bytes, {
    maxByteLength: 2 * bytes,
  });
}

const [best] = backends();

it.skipIf(best?.name === "js")("leaves the event loop free", async () => {
  // Far more work than a turn takes: on the event loop, all of it would be done before the turn comes.
  const x = new Float32Array(16 << 20).fill(1);
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Array.from({ length: 60 }, () => minMaxAsync(x, { threads: 1, signal }));
  const results = Promise.allSettled(calls);
  await nextTurn();
  controller.abort();
  expect((await results).at(-1)).toMatchObject({ status: "rejected", reason: { name: "AbortError" } });
});

const BUSY = `
  const x = new Float32Array(8 << 20).fill(1);
  const out = new Int8Array(x.length);
  for (let i = 0; i < 20; i++) quantizeLinearAsync(x, { scale: 1, out, threads: 3 });`;

it("survives workers that are stopped in the middle of work", async () => {
  const source = `
    const { parentPort } = require("node:worker_threads");
    import(${BUILT}).then(({ quantizeLinearAsync }) => {
      ${BUSY}
      parentPort.postMessage("busy");
    });`;
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(source, { eval: true });
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect(await worker.terminate()).toBe(1);
  }
  expect(await minMaxAsync(Float32Array.of(1, 2), { threads: 2 })).toEqual({ min: 1, max: 2 });
});

test.each(["process.exit(7)", "setTimeout(() => process.exit(7), 3)"])(
  "survives %s in the middle of work",
  (exit) => {
    const source = `import { quantizeLinearAsync } from "modelpress"; ${BUSY} ${exit};`;
    const args = ["--input-type=module", "--eval", source];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
    expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: "" });
  },
);

it("keeps the process alive until the work is done", () => {
  const source = `import { minMaxAsync } from "modelpress";
    minMaxAsync(new Float32Array(8 << 20).fill(2)).then(({ max }) => console.log(max));`;
  const args = ["--input-type=module", "--eval", source];
  expect(spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" }).stdout).toBe("2\n");
});

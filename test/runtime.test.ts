import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../lib/index.js";
import { ModelProcess } from "../lib/runtime/model-process.js";
import { carried, digits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { identityModel } from "./support/identity-model.js";

const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");
/** A run of this takes far longer than any test waits. */
const ENDLESS = { warmup: 0, rounds: 1e9, minMs: 1 };

let models: ModelProcess;
beforeAll(async () => {
  models = await ModelProcess.start();
});
afterAll(() => models.close());

/** The child's process, to do to it what the system might. */
function childOf(process: ModelProcess): import("node:child_process").ChildProcess {
  return (process as unknown as { child: import("node:child_process").ChildProcess }).child;
}

function one(): { image: Tensor } {
  return { image: digits(1).image };
}

describe("a session", () => {
  it("tells inputs and outputs, with names for open sizes", async () => {
    const session = await models.load(model);
    expect(session.inputs).toEqual([{ name: "image", dtype: "float32", shape: ["batch", 1, 28, 28] }]);
    expect(session.outputs).toEqual([{ name: "logits", dtype: "float32", shape: ["batch", 10] }]);
  });

  it("classifies 794 of 797 digits, whether loaded from a path or from bytes", async () => {
    const { image, y } = digits();
    for (const source of [model, readFileSync(model)]) {
      const session = await models.load(source, { threads: 1 });
      const { logits } = await session.run({ image });
      const scores = logits!.data as Float32Array;
      const right = Array.from(y.data as Uint8Array).filter((label, i) => {
        const row = scores.subarray(i * 10, i * 10 + 10);
        return row.indexOf(Math.max(...row)) === label;
      });
      expect(right).toHaveLength(794);
    }
  });

  it("takes and gives every type unchanged", async () => {
    const feeds: Record<string, Tensor> = {
      half: { dtype: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
      double: { dtype: "float64", shape: [2], data: Float64Array.of(1 / 3, -0) },
      long: { dtype: "int64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) },
      ulong: { dtype: "uint64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
      flag: { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) },
      byte: { dtype: "int8", shape: [2], data: Int8Array.of(-128, 127) },
      none: { dtype: "float32", shape: [0, 3], data: new Float32Array() },
    };
    const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    const session = await models.load(identityModel(inputs));
    expect(session.inputs).toEqual(inputs);
    const results = await session.run(feeds);
    expect(results).toEqual(
      Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [`out_${name}`, tensor])),
    );
  });

  it("reads a view's own values", async () => {
    const session = await models.load(identityModel([{ name: "x", dtype: "float32", shape: ["n"] }]));
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const { out_x } = await session.run({ x: { dtype: "float32", shape: [2], data } });
    expect(out_x!.data).toEqual(Float32Array.of(2, 3));
  });

  it("answers requests in order, many at once", async () => {
    const session = await models.load(model);
    const feeds = digits(8).image;
    const data = feeds.data as Float32Array;
    const alone = (await session.run({ image: feeds })).logits!.data as Float32Array;
    const runs = Array.from({ length: 8 }, (_, i) =>
      session.run({ image: { ...feeds, shape: [1, 1, 28, 28], data: data.slice(i * 784, (i + 1) * 784) } }),
    );
    const scores = (await Promise.all(runs)).flatMap(({ logits }) => [...(logits!.data as Float32Array)]);
    for (const [i, score] of scores.entries()) expect(score).toBeCloseTo(alone[i]!, 4);
  });

  it("times sessions in turn: one number per round and session", async () => {
    const [first, second] = [await models.load(model), await models.load(carried("digits_vit.onnx"))];
    const times = await models.time([first, second], one(), { warmup: 2, rounds: 5, minMs: 1 });
    expect(times.map((list) => list.length)).toEqual([5, 5]);
    expect(times.flat().every((time) => time > 0 && time < 10_000)).toBe(true);
  });

  it("cannot be used after its release", async () => {
    const session = await models.load(model);
    session.release();
    await expect(session.run(one())).rejects.toMatchObject({
      code: "RUNTIME_FAILED",
      message: expect.stringMatching(/released/),
    });
  });
});

describe("observers", () => {
  it("keep the range over all runs in the child, of float outputs only", async () => {
    const session = await models.load(
      identityModel([
        { name: "x", dtype: "float32", shape: ["n"] },
        { name: "i", dtype: "int32", shape: ["n"] },
      ]),
    );
    for (const data of [Float32Array.of(1, -2, 0.5), Float32Array.of(3, 0), new Float32Array()]) {
      const i: Tensor = { dtype: "int32", shape: [data.length], data: new Int32Array(data.length) };
      await session.observe({ x: { dtype: "float32", shape: [data.length], data }, i }, ["out_x", "out_i"]);
    }
    expect(await session.observed()).toMatchObject({ out_x: { min: -2, max: 3, count: 5 } });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuse %d and name the input that has it", async (bad) => {
    const session = await models.load(identityModel([{ name: "x", dtype: "float32", shape: [2] }]));
    const x: Tensor = { dtype: "float32", shape: [2], data: Float32Array.of(1, bad) };
    await expect(session.observe({ x }, ["out_x"])).rejects.toMatchObject({
      code: "CALIBRATION_INVALID",
      message: expect.stringContaining("input x"),
    });
  });
});

describe("optimizeModelFile", () => {
  it("writes a model that computes the same", async () => {
    const output = join(folder, "optimized.onnx");
    await models.optimizeModelFile(model, output, "basic");
    expect(statSync(output).size).toBeGreaterThan(1_000_000);
    const [before, after] = [await models.load(model), await models.load(output)];
    expect((await after.run(one())).logits).toEqual((await before.run(one())).logits);
  });
});

describe("what onnxruntime refuses gives RUNTIME_FAILED with the model's path", () => {
  const truncated = join(folder, "truncated.onnx");
  writeFileSync(truncated, readFileSync(model).subarray(0, 500_000));

  it.each([
    ["a truncated file", truncated],
    ["a missing file", join(folder, "none.onnx")],
    ["a file that is no model", carried("README.md")],
  ])("%s", async (_, path) => {
    await expect(models.load(path)).rejects.toMatchObject({
      name: "ModelOperationError",
      code: "RUNTIME_FAILED",
      message: expect.stringContaining(path),
    });
  });

  it("feeds of a wrong name, type or shape, and unknown outputs", async () => {
    const session = await models.load(model);
    const { image } = one();
    const failed = { code: "RUNTIME_FAILED", message: expect.stringContaining(model) };
    await expect(session.run({ picture: image })).rejects.toMatchObject(failed);
    await expect(
      session.run({ image: { ...image, dtype: "int32", data: new Int32Array(784) } }),
    ).rejects.toMatchObject(failed);
    await expect(session.run({ image: { ...image, shape: [1, 1, 784] } })).rejects.toMatchObject(failed);
    await expect(session.run({ image }, ["probabilities"])).rejects.toMatchObject(failed);
    expect((await session.run({ image })).logits!.shape).toEqual([1, 10]);
  });
});

describe("a process", () => {
  it("that is killed in a run rejects with PROCESS_DIED and the signal, then and afterwards", async () => {
    await using doomed = await ModelProcess.start();
    const session = await doomed.load(model);
    const run = doomed.time([session], one(), ENDLESS);
    setTimeout(() => childOf(doomed).kill("SIGKILL"), 50);
    const died = {
      code: "PROCESS_DIED",
      message: expect.stringMatching(/digits_cnn\.onnx was killed by SIGKILL/),
    };
    await expect(run).rejects.toMatchObject(died);
    await expect(session.run(one())).rejects.toMatchObject(died);
    await expect(doomed.load(model)).rejects.toMatchObject(died);
  });

  it("that ends by itself says how, with its last words", async () => {
    await using doomed = await ModelProcess.start();
    await doomed.load(model);
    const child = childOf(doomed);
    child.stderr!.emit("data", Buffer.from(`${"x".repeat(5000)}\nout of luck\n`));
    child.kill("SIGABRT");
    const error = await doomed.load(model).catch((reason) => reason);
    expect(error).toMatchObject({
      code: "PROCESS_DIED",
      message: expect.stringMatching(/SIGABRT: out of luck$/),
    });
    expect((error as Error).cause).toHaveLength(4096);
  });

  it.each([
    [
      "Error [ERR_X]: no such thing",
      "node:internal/a:1\n  throw it;\n  ^\n\nError [ERR_X]: no such thing\n    at f (b.js:1:2) {\n  code: 'ERR_X'\n}\n\nNode.js v20.20.2\n",
    ],
    [
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
      "\n<--- Last few GCs --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0xb8 node::Abort() [node]\n",
    ],
    ["what():  bad_alloc", "terminate called after throwing an instance of 'x'\n  what():  bad_alloc\n"],
    ["'text'", "Uncaught:\n'text'\n\nNode.js v20.20.2\n"],
  ])("that ends with an error tells its line: %s", async (line, stderr) => {
    await using doomed = await ModelProcess.start();
    await doomed.load(model);
    childOf(doomed).stderr!.emit("data", Buffer.from(stderr));
    childOf(doomed).kill("SIGABRT");
    const { message } = await doomed.load(model).catch((reason) => reason);
    expect(message).toMatch(/SIGABRT: /);
    expect(message.split("SIGABRT: ")[1]).toBe(line);
  });

  it("may have been started before it is asked for", async () => {
    ModelProcess.startSpare();
    await using first = await ModelProcess.start();
    await using second = await ModelProcess.start();
    expect(childOf(first).pid).not.toBe(childOf(second).pid);
    expect((await first.load(model)).inputs).toEqual((await second.load(model)).inputs);
  });

  it("settles with the signal's reason at once and leaves no child", async () => {
    const controller = new AbortController();
    await using aborted = await ModelProcess.start({ signal: controller.signal });
    const session = await aborted.load(model);
    const run = aborted.time([session], one(), ENDLESS);
    const reason = new Error("enough");
    await delay(50);
    const start = performance.now();
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(performance.now() - start).toBeLessThan(100);
    await expect(session.run(one())).rejects.toBe(reason);
    await aborted.close();
    expect(childOf(aborted).signalCode).toBe("SIGKILL");
  });

  it("does not start under an aborted signal", async () => {
    await expect(ModelProcess.start({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
  });

  it("ends with TIMEOUT what takes too long", async () => {
    await using slow = await ModelProcess.start({ timeoutMs: 3000 });
    const session = await slow.load(model);
    await expect(slow.time([session], one(), ENDLESS)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/digits_cnn\.onnx: time took longer than 3000 ms/),
    });
    await slow.close();
    expect(childOf(slow).signalCode).toBe("SIGKILL");
  });

  it("rejects what is under way when it is closed, and may be closed twice", async () => {
    const closed = await ModelProcess.start();
    const session = await closed.load(model);
    const run = closed.time([session], one(), ENDLESS);
    await Promise.all([expect(run).rejects.toMatchObject({ code: "PROCESS_DIED" }), closed.close()]);
    await closed.close();
  });

  it("leaves when its parent is gone", async () => {
    const child = childOf(await ModelProcess.start());
    child.disconnect();
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  it("leaves the caller's event loop free in a run", async () => {
    const session = await models.load(model);
    const { image } = digits();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const start = performance.now();
    await models.time([session], { image }, { warmup: 0, rounds: 10, minMs: 0 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan((performance.now() - start) / 20);
  });
});

it("the compiled child is there", () => {
  expect(existsSync(new URL("../dist/runtime/child.js", import.meta.url))).toBe(true);
});

// What a prebuilt addon has to do where it is to be used, without onnxruntime: kernels on and off the event loop, in workers too,
// mapped files, a whole model quantized. Run in a folder that holds the package.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import {
  backends,
  inspectModel,
  minMax,
  quantizeLinear,
  quantizeLinearAsync,
  quantizeModel,
  readSafetensors,
  writeSafetensors,
} from "modelpress";

if (process.env.NODE_WRAPPER) process.execPath = process.env.NODE_WRAPPER;
const names = backends().map(({ name }) => name);
assert.ok(names.length > 1, "a native backend");

const x = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i) * 300);
const expected = quantizeLinear(x, { scale: 2, backend: "js" });
assert.deepEqual(quantizeLinear(x, { scale: 2, threads: 4 }), expected);
assert.deepEqual(await quantizeLinearAsync(x, { scale: 2, threads: 4 }), expected);
const worker = new Worker(
  `import("modelpress").then(({ backends }) => require("node:worker_threads").parentPort.postMessage(backends().length))`,
  { eval: true },
);
assert.equal(await new Promise((resolve) => worker.once("message", resolve)), names.length);

const folder = mkdtempSync(join(tmpdir(), "modelpress-"));
try {
  const path = join(folder, "x.safetensors");
  await writeSafetensors(path, { x: { dtype: "float32", shape: [x.length], data: x } });
  const file = readSafetensors(path);
  assert.deepEqual(minMax(/** @type {Float32Array} */ (file.tensors.get("x")?.data)), minMax(x));
  file.close();
  const output = join(folder, "model.onnx");
  const { model } = await quantizeModel("models/digits_cnn.onnx", { output, mode: "weights" });
  assert.equal(inspectModel(output).quantization.kind, "weights");
  // Windows removes no file that is mapped.
  model.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${process.platform}-${process.arch}, Node ${process.versions.node}: ${names.join(", ")}`);

// Makes an ONNX model of some gigabytes with external data, quantizes it in the modes that need no samples, and tells how
// much memory that took beside the mapped files: `node scripts/quantize-large-model.mjs [gigabytes] [folder]`. Linux only.
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { quantizeModel, readOnnx, writeOnnx } from "../build/lib/index.js";
import { deferTensor } from "../build/lib/onnx/deferred.js";
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  TensorProto_DataType,
} from "../build/lib/onnx/proto/onnx_pb.js";
import { openModel } from "../build/lib/onnx/read.js";

const HIDDEN = 2048;
const INNER = 8192;
const VOCABULARY = 65536;
const LIMIT_MB = 600;

/** @typedef {"weights" | "dynamic"} Mode */

if (process.argv[2] === "--quantize") {
  const [input, output, mode] = /** @type {[string, string, Mode]} */ (process.argv.slice(3));
  const { size } = await quantizeModel(input, { output, mode });
  console.log(`  ${size.before} -> ${size.after} bytes`);
} else {
  const [gigabytes = "3", parent = tmpdir()] = process.argv.slice(2);
  const folder = mkdtempSync(join(parent, "modelpress-large-"));
  try {
    await run(folder, Number(gigabytes) * 1e9);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} folder @param {number} bytes */
async function run(folder, bytes) {
  const input = join(folder, "large.onnx");
  await time("write", () => writeOnnx(input, openModel(largeModel(bytes))));
  for (const mode of ["weights", "dynamic"]) {
    const output = join(folder, `${mode}.onnx`);
    const peak = await time(mode, () => quantizeWatched(input, output, mode));
    console.log(`  at most ${peak} MB beside the mapped files`);
    if (peak > LIMIT_MB) throw new Error(`more than ${LIMIT_MB} MB`);
    compare(input, output);
    for (const name of readdirSync(folder)) if (name.startsWith(mode)) rmSync(join(folder, name));
  }
}

/** @template T @param {string} what @param {() => Promise<T>} work */
async function time(what, work) {
  const start = performance.now();
  const result = await work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/**
 * Quantizes in a process of its own, which is busy most of the time, and watches it and its children from here.
 * @param {string} input @param {string} output @param {string} mode
 * @returns {Promise<number>} the largest sum of their anonymous memory
 */
function quantizeWatched(input, output, mode) {
  const child = fork(fileURLToPath(import.meta.url), ["--quantize", input, output, mode]);
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, anonymousMegabytes(/** @type {number} */ (child.pid)));
  }, 10);
  return new Promise((resolve, reject) =>
    child.on("exit", (code) => {
      clearInterval(timer);
      if (code === 0) resolve(peak);
      else reject(new Error(`quantizing ended with ${code}`));
    }),
  );
}

/** @param {number} pid @returns {number} of a process and its descendants */
function anonymousMegabytes(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const own = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1000;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return children.reduce((sum, child) => sum + anonymousMegabytes(Number(child)), Math.round(own));
  } catch {
    return 0;
  }
}

/**
 * An embedding, then layers as in a transformer, half of them with their weight transposed.
 * @param {number} bytes
 */
function largeModel(bytes) {
  const layers = Math.round((bytes - VOCABULARY * HIDDEN * 4) / (2 * HIDDEN * INNER * 4));
  /** @param {string} name @param {number[]} shape */
  const weight = (name, shape) => deferTensor(name, "float32", shape, fillNoise);
  const initializer = [weight("embedding", [VOCABULARY, HIDDEN])];
  /** @type {object[]} */
  const node = [{ opType: "Gather", name: "embed", input: ["embedding", "ids"], output: ["x0"] }];
  for (let i = 0; i < layers; i++) {
    initializer.push(weight(`up${i}`, [HIDDEN, INNER]), weight(`down${i}`, [HIDDEN, INNER]));
    node.push(
      { opType: "MatMul", name: `layer${i}/up`, input: [`x${i}`, `up${i}`], output: [`a${i}`] },
      { opType: "Relu", name: `layer${i}/relu`, input: [`a${i}`], output: [`r${i}`] },
      {
        opType: "Gemm",
        name: `layer${i}/down`,
        input: [`r${i}`, `down${i}`],
        output: [`x${i + 1}`],
        attribute: [{ name: "transB", i: 1n, type: AttributeProto_AttributeType.INT }],
      },
    );
  }
  /** @param {string} name @param {number} elemType @param {number[]} shape */
  const value = (name, elemType, shape) => {
    const dim = shape.map((size) => ({
      value: /** @type {const} */ ({ case: "dimValue", value: BigInt(size) }),
    }));
    const type = /** @type {const} */ ({ case: "tensorType", value: { elemType, shape: { dim } } });
    return { name, type: { value: type } };
  };
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "large",
      node,
      initializer,
      input: [value("ids", TensorProto_DataType.INT64, [4])],
      output: [value(`x${layers}`, TensorProto_DataType.FLOAT, [4, HIDDEN])],
    },
  });
}

/** @param {import("modelpress").TypedArray} array */
function fillNoise(array) {
  const data = /** @type {Float32Array} */ (array);
  const pattern = new Float32Array(65536);
  let state = data.length;
  for (let i = 0; i < pattern.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pattern[i] = (state / 2 ** 31 - 1) / 50;
  }
  for (let at = 0; at < data.length; at += pattern.length)
    data.set(pattern.subarray(0, data.length - at), at);
  data[data.length >> 1] = 0.1;
}

/**
 * A weight that was stored as it lay, brought back by hand, is off by at most half a step.
 * @param {string} input @param {string} output
 */
function compare(input, output) {
  const [model, quantized] = [readOnnx(input), readOnnx(output)];
  /** @param {import("modelpress").OnnxModel} from @param {string} name */
  const numbers = (from, name) => /** @type {Float32Array} */ (from.tensors.get(name)?.data);
  const floats = numbers(model, "up0");
  const values = numbers(quantized, "up0_quantized");
  const scales = numbers(quantized, "up0_scale") ?? numbers(quantized, "up0_step");
  for (let i = 0; i < floats.length; i++) {
    const scale = scales[i % scales.length] ?? 0;
    const error = Math.abs((values[i] ?? 0) * scale - (floats[i] ?? 0));
    if (!(error <= 0.501 * scale)) throw new Error(`up0[${i}] is wrong`);
  }
  model.close();
  quantized.close();
}

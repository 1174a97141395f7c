// Times reading and writing one large ONNX model, next to the disk's own speed:
//   node benchmarks/serialize-onnx.mjs [--bytes N] [--tensors N] [--rounds N] [--folder DIR] [--python PYTHON]
// Ways take turns, with the page cache warm; a row is the median of its rounds. Nothing waits for the disk (sync: false). With
// --python, those of serialize/peers.py that need onnx take their turns too, each in a process of its own.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { readOnnx, summarize, writeOnnx } from "../build/lib/index.js";
import { deferTensor } from "../build/lib/onnx/deferred.js";
import { ModelProtoSchema } from "../build/lib/onnx/proto/onnx_pb.js";
import { openModel } from "../build/lib/onnx/read.js";

const { values: options } = parseArgs({
  options: {
    bytes: { type: "string", default: "1000000000" },
    tensors: { type: "string", default: "300" },
    rounds: { type: "string", default: "7" },
    folder: { type: "string", default: tmpdir() },
    python: { type: "string" },
  },
});
const peers = fileURLToPath(new URL("serialize/peers.py", import.meta.url));
const PIECE_BYTES = 64 * 1024 * 1024;
const folder = mkdtempSync(join(options.folder, "modelpress-onnx-"));
const file = join(folder, "model.onnx");
const scratch = join(folder, "scratch");

/** @type {Map<string, number[]>} */
const times = new Map();

/** @param {string} way @param {number} milliseconds */
function add(way, milliseconds) {
  times.set(way, [...(times.get(way) ?? []), milliseconds]);
}

/** @param {string} way @param {() => unknown} work */
async function time(way, work) {
  const start = performance.now();
  await work();
  add(way, performance.now() - start);
  for (const name of readdirSync(folder)) if (name.startsWith("scratch")) rmSync(join(folder, name));
}

function makeModel() {
  const count = Number(options.tensors);
  const length = Math.floor(Number(options.bytes) / 4 / count);
  const initializer = Array.from({ length: count }, (_, i) =>
    deferTensor(`layer.${i}.weight`, "float32", [length], (data) => {
      for (let at = 0; at < data.length; at++) data[at] = Math.sin(at + i);
    }),
  );
  return openModel(
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: { name: "weights", initializer },
    }),
  );
}

function readAndLook() {
  const model = readOnnx(file);
  let max = -Infinity;
  for (const { data } of model.tensors.values()) max = Math.max(max, Number(summarize(data).max));
  model.close();
  return max;
}

/** @param {string | Uint8Array} source @param {boolean} externalData */
async function rewrite(source, externalData) {
  const model = readOnnx(source);
  await writeOnnx(scratch, model, { externalData, sync: false });
  model.close();
}

/** @param {Uint8Array} bytes */
function writeRaw(bytes) {
  const descriptor = openSync(scratch, "w");
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    writeSync(descriptor, bytes, at, Math.min(PIECE_BYTES, bytes.length - at));
  closeSync(descriptor);
}

/** @param {string[]} args */
function runPeer(...args) {
  const { status, stdout, stderr } = spawnSync(options.python ?? "", [peers, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

try {
  const ways = options.python ? runPeer().onnx : [];
  await writeOnnx(file, makeModel(), { externalData: false });
  const bytes = readFileSync(file);
  for (let round = 0; round < Number(options.rounds); round++) {
    await time("readOnnx", () => readOnnx(file).close());
    await time("readOnnx, largest value of every tensor", readAndLook);
    await time("raw write of the same bytes", () => writeRaw(bytes));
    await time("writeOnnx in one file, from memory", () => rewrite(bytes, false));
    await time("writeOnnx in one file, from a mapped file", () => rewrite(file, false));
    await time("writeOnnx with external data, from memory", () => rewrite(bytes, true));
    for (const way of ways) {
      for (const [name, milliseconds] of Object.entries(runPeer(way, file, scratch))) add(name, milliseconds);
      rmSync(scratch, { force: true });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

console.log(
  `${options.bytes} bytes in ${options.tensors} tensors, ${cpus()[0]?.model}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
);
for (const [way, all] of times) {
  const median = all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
  console.log(`${median.toFixed(2).padStart(10)} ms  ${way}`);
}

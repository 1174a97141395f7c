// One trial of benchmarks/serialize/run.mjs: does one thing once, in this process, and prints how long it took.
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writevSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { backends, minMax, readSafetensors, writeSafetensors } from "modelpress";

/** @typedef {Map<string, import("modelpress").Tensor>} Tensors */

/**
 * @param {number} bytes
 * @param {number} count
 * @returns {Tensors}
 */
function makeTensors(bytes, count) {
  let state = 88172645;
  const columns = 1024;
  const rows = Math.max(1, Math.round(bytes / count / 4 / columns));
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const data = new Float32Array(rows * columns);
      for (let at = 0; at < data.length; at++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        data[at] = state / 2 ** 30;
      }
      return [`model.layers.${i}.weight`, { dtype: "float32", shape: [rows, columns], data }];
    }),
  );
}

/** The tensors of a file as memory of their own. @param {string} file @returns {Tensors} */
function inMemory(file) {
  const source = readSafetensors(file);
  const tensors = new Map(
    [...source.tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
  );
  source.close();
  return tensors;
}

/** @param {Tensors} tensors @param {string} path @param {boolean} sync */
function writeRaw(tensors, path, sync) {
  const descriptor = openSync(path, "w");
  const pieces = [...tensors.values()].map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  for (const piece of pieces) {
    if (writevSync(descriptor, [piece]) !== piece.byteLength) throw new Error("a short write");
  }
  if (sync) fsyncSync(descriptor);
  closeSync(descriptor);
}

/** @param {Float32Array} data */
function plainMax(data) {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = /** @type {number} */ (data[i]);
    if (value > max) max = value;
  }
  return max;
}

/** As one writes it without a library: the whole file into memory, then views. @param {string} file */
function readPlainly(file) {
  const bytes = readFileSync(file);
  const headerBytes = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes));
  const start = bytes.byteOffset + 8 + headerBytes;
  return Object.values(header).map(
    ({ data_offsets: [begin, end] }) => new Float32Array(bytes.buffer, start + begin, (end - begin) / 4),
  );
}

/** @param {string} file */
function list(file) {
  const opened = readSafetensors(file);
  const names = [...opened.tensors.keys()];
  opened.close();
  return names;
}

/** @param {import("modelpress").SafetensorsFile} file */
function largest(file) {
  let max = Number.NEGATIVE_INFINITY;
  for (const { data } of file.tensors.values())
    max = Math.max(max, minMax(/** @type {Float32Array} */ (data)).max);
  return max;
}

/**
 * Each prepares outside the time, and returns what is timed.
 * @type {Record<string, (file: string, scratch: string) => () => unknown>}
 */
const WAYS = {
  "open, list": (file) => () => list(file),
  "open, list, once compiled": (file) => {
    for (let i = 0; i < 100; i++) list(file);
    return () => list(file);
  },
  // Left open, as the others leave what they have read in memory.
  "open, max of all": (file) => () => largest(readSafetensors(file)),
  "open, max of all, mmap: false": (file) => () => largest(readSafetensors(file, { mmap: false })),
  "readFile, views, max of all in a loop": (file) => () => readPlainly(file).map(plainMax),
  "readFile, views, max of all by minMax": (file) => () => readPlainly(file).map((data) => minMax(data)),
  "v8.deserialize, max of all by minMax": (file, scratch) => {
    writeFileSync(scratch, serialize([...inMemory(file).values()].map(({ data }) => data)));
    return () => deserialize(readFileSync(scratch)).map((/** @type {Float32Array} */ data) => minMax(data));
  },
  "write, sync: false": (file, scratch) => {
    const tensors = inMemory(file);
    return () => writeSafetensors(scratch, tensors, { sync: false });
  },
  "raw write": (file, scratch) => {
    const tensors = inMemory(file);
    return () => writeRaw(tensors, scratch, false);
  },
  write: (file, scratch) => {
    const tensors = inMemory(file);
    return () => writeSafetensors(scratch, tensors);
  },
  "raw write, fsync": (file, scratch) => {
    const tensors = inMemory(file);
    return () => writeRaw(tensors, scratch, true);
  },
};
export const ways = Object.keys(WAYS);

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [way = "", file = "", scratch = "", bytes, count] = process.argv.slice(2);
  if (way === "make") {
    await writeSafetensors(file, makeTensors(Number(bytes), Number(count)));
    console.log("{}");
  } else {
    // Loads the addon, as other programs import their libraries before they look at the clock.
    backends();
    const timed = WAYS[way]?.(file, scratch);
    if (!timed) throw new Error(`no way is called ${way}`);
    const started = performance.now();
    await timed();
    console.log(JSON.stringify({ [way]: performance.now() - started }));
  }
}

// Runs operations on all 4,294,967,296 float32 patterns: every native backend must give the bytes that scalar gives, and
// JavaScript on every 64th pattern. Takes some seconds per row.
//   node scripts/sweep-float32.mjs [--filter TEXT] [--record]
// --record writes the result into CONTRIBUTING.md.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backends, ELEMENT_TYPES } from "modelpress";

/** @typedef {import("modelpress").Backend} Backend */

const { values: options } = parseArgs({
  options: { filter: { type: "string", default: "" }, record: { type: "boolean", default: false } },
});
const PATTERNS = 2 ** 32;
const BLOCK = 2 ** 20;
const STRIDE = 64;

const found = backends().find(({ name }) => name === "scalar");
const js = backends().at(-1);
if (!found || js?.name !== "js") throw new Error("The sweep needs the native addon: npm run build:native");
const scalar = found;
const natives = backends().filter((backend) => backend !== scalar && backend !== js);

/** @param {ArrayBufferView} array */
function bytesOf(array) {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * What a backend makes of a block of patterns, in memory that is used again.
 * @typedef {(backend: Backend, x: Float32Array, memory: ArrayBuffer) => ArrayBufferView} Run
 */

/** @type {{ title: string, run: Run }[]} */
const operations = [];

/**
 * @param {string} title
 * @param {Run} run
 */
function add(title, run) {
  if (title.includes(options.filter)) operations.push({ title, run });
}

const QUANTIZED = /** @type {const} */ ([
  { dtype: "int8", Type: Int8Array, zeroPoints: [0, 127] },
  { dtype: "uint8", Type: Uint8Array, zeroPoints: [0, 128] },
  { dtype: "int16", Type: Int16Array, zeroPoints: [0, -32768] },
  { dtype: "uint16", Type: Uint16Array, zeroPoints: [32768] },
]);

// A usual one, one that is no power of two, those from which a reciprocal no longer stands for a division, the ends of float32.
const SCALES = [0.05, 1 / 3, 2 ** -101, 2 ** 101, 2 ** -149, 3e38].map(Math.fround);
for (const scale of SCALES) {
  const text = `scale ${Number(scale.toPrecision(6))}`;
  for (const { dtype, Type, zeroPoints } of QUANTIZED)
    for (const zeroPoint of zeroPoints)
      add(`quantizeLinear ${dtype}, ${text}, zero point ${zeroPoint}`, (backend, x, memory) => {
        const y = new Type(memory, 0, x.length);
        backend.quantizeLinear(x, ELEMENT_TYPES.float32, y, ELEMENT_TYPES[dtype], scale, zeroPoint);
        return y;
      });
  add(`dequantizeLinear int32, ${text}`, (backend, x, memory) => {
    const y = new Float32Array(memory, 0, x.length);
    const { int32, float32 } = ELEMENT_TYPES;
    backend.dequantizeLinear(new Int32Array(x.buffer), int32, y, float32, scale, 0);
    return y;
  });
}
// Neighbours have scales of their own, as on the last axis of a shape.
const LANES = 64;
const laneScales = Float32Array.from({ length: LANES }, (_, i) => (SCALES[i % 2] ?? 1) * (1 + i / LANES));
for (const { dtype, Type, zeroPoints } of QUANTIZED) {
  const lanePoints = new Int32Array(LANES).fill(zeroPoints[0]);
  add(`quantizeLinear ${dtype}, ${LANES} scales on the last axis`, (backend, x, memory) => {
    const y = new Type(memory, 0, x.length);
    const { float32, [dtype]: type } = ELEMENT_TYPES;
    backend.quantizeLinearPerAxis(x, float32, y, type, laneScales, lanePoints, 1);
    return y;
  });
}
for (const name of /** @type {const} */ (["float32ToFloat16", "float32ToBfloat16"]))
  add(name, (backend, x, memory) => {
    const y = new Uint16Array(memory, 0, x.length);
    backend[name](x, y);
    return y;
  });
for (const [name, bytes] of /** @type {const} */ ([
  ["quantizeGgufQ8_0", 34],
  ["quantizeGgufQ4_0", 18],
]))
  add(`${name}, neighbours in a block`, (backend, x, memory) => {
    const y = new Uint8Array(memory, 0, (x.length / 32) * bytes);
    backend[name](x, y);
    return y;
  });
for (const [min, max, bins] of /** @type {const} */ ([
  [-1, 1, 100],
  [0.1, 0.7, 2048],
  [1000, 1001, 1000],
  [-1e38, 2e38, 255],
]))
  add(`histogram, ${bins} bins from ${min} to ${max}`, (backend, x, memory) => {
    const counts = new Float64Array(memory, 0, bins);
    backend.histogram(x, min, max, counts);
    return counts;
  });
add("magnitudeHistogram", (backend, x, memory) => {
  const counts = new Float64Array(memory, 0, 2 ** 15);
  backend.magnitudeHistogram(x, -1, counts);
  return counts;
});

const bits = new Uint32Array(BLOCK);
const x = new Float32Array(bits.buffer);
const sampleBits = new Uint32Array(BLOCK / STRIDE);
const sample = new Float32Array(sampleBits.buffer);
const expectedMemory = new ArrayBuffer(4 * BLOCK);
const actualMemory = new ArrayBuffer(4 * BLOCK);

/**
 * @param {string} title
 * @param {Run} run
 * @param {Backend[]} others
 * @param {Float32Array} input
 */
function compareWithScalar(title, run, others, input) {
  const expected = bytesOf(run(scalar, input, expectedMemory));
  for (const backend of others) {
    const actual = bytesOf(run(backend, input, actualMemory));
    if (actual.equals(expected)) continue;
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    const first = new Uint32Array(input.buffer)[0]?.toString(16);
    throw new Error(
      `${title}, patterns from 0x${first}: byte ${at} is ${actual[at]} on ${backend.name}, ${expected[at]} on scalar`,
    );
  }
}

const start = performance.now();
for (let begin = 0; begin < PATTERNS; begin += BLOCK) {
  for (let i = 0; i < BLOCK; i++) bits[i] = begin + i;
  // Another one of the 64 in every block, or the low bits would always be the same.
  const offset = (begin / BLOCK) % STRIDE;
  for (let i = 0; i < sampleBits.length; i++) sampleBits[i] = begin + i * STRIDE + offset;
  for (const { title, run } of operations) {
    compareWithScalar(title, run, natives, x);
    compareWithScalar(title, run, [js], sample);
  }
  if (process.stderr.isTTY)
    process.stderr.write(`\r${((100 * (begin + BLOCK)) / PATTERNS).toFixed(1)} % of all patterns `);
}
if (process.stderr.isTTY) process.stderr.write("\n");

const names = natives.map(({ name }) => name).join(", ");
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const result = [
  `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, Node ${process.version}, ${seconds} s:`,
  `${names && `${names} equals scalar on all 2^32 patterns, `}js on every ${STRIDE}th, in`,
  "",
  ...operations.map(({ title }) => `- ${title}`),
].join("\n");
console.log(result);
if (options.record) {
  const path = fileURLToPath(new URL("../CONTRIBUTING.md", import.meta.url));
  const text = readFileSync(path, "utf8");
  const section = /(<!-- sweep: .*? -->\n)[\s\S]*?(<!-- \/sweep -->)/;
  if (!section.test(text)) throw new Error("CONTRIBUTING.md has no section for the sweep");
  writeFileSync(
    path,
    text.replace(section, (_, open, close) => `${open}\n${result}\n\n${close}`),
  );
}

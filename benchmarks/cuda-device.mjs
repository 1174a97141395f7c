// What the CUDA device takes for each operation, by its own clock: on buffers that are there already, as a share of what its memory
// can move, and on arrays in main memory, with the copies apart. npm run bench -- --backend cuda ends with it.
//   node benchmarks/cuda-device.mjs [--quick]
import { parseArgs } from "node:util";
import { backends, cudaDevice, cudaTimes, DeviceBuffer, deviceOperations, ELEMENT_TYPES } from "modelpress";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const n = values.quick ? 2 ** 17 : 2 ** 26;
const turns = values.quick ? 1 : 11;
const columns = 4096;
const { float32, int8 } = ELEMENT_TYPES;

const device = cudaDevice();
const cuda = deviceOperations();
const backend = backends().find(({ name }) => name.startsWith("cuda"));
if (!backend) throw new Error("MODELPRESS_BACKEND leaves out cuda");

/** Values as weights have them, half of them 0. */
const x = Float32Array.from({ length: n }, (_, i) => ((i * 2654435761) % 1024 < 512 ? 0 : Math.sin(i)));
const scales = new Float32Array(columns).fill(0.01);
const points = new Int32Array(columns);
const range = new Float32Array(2);
const count = new Float64Array(1);

/** @typedef {import("modelpress").DeviceOperations} Operations */
/** @typedef {{ name: string, bytes: number, arrays: any[], run: (on: any, arrays: any[]) => void }} Case */

/** Bytes count what a kernel must read and write. @type {Case[]} */
const cases = [
  { name: "minMax", bytes: 4 * n, arrays: [x], run: (on, [from]) => on.minMax(from, range) },
  {
    name: "quantizeLinear",
    bytes: 5 * n,
    arrays: [x, new Int8Array(n)],
    run: (on, [from, to]) => on.quantizeLinear(from, float32, to, int8, 0.01, 0),
  },
  {
    name: "quantizeLinear, last axis",
    bytes: 5 * n,
    arrays: [x, new Int8Array(n)],
    run: (on, [from, to]) => on.quantizeLinearPerAxis(from, float32, to, int8, scales, points, 1),
  },
  {
    name: "dequantizeLinear",
    bytes: 5 * n,
    arrays: [new Int8Array(n), new Float32Array(n)],
    run: (on, [from, to]) => on.dequantizeLinear(from, int8, to, float32, 0.01, 0),
  },
  {
    name: "float32ToFloat16",
    bytes: 6 * n,
    arrays: [x, new Uint16Array(n)],
    run: (on, [from, to]) => on.float32ToFloat16(from, to),
  },
  {
    name: "quantizeBlockwise, 4 bits",
    bytes: 4 * n + n / 2 + n / 8,
    arrays: [x, new Uint8Array(n / 2), new Float32Array(n / 32)],
    run: (on, [w, packed, own]) =>
      on.quantizeBlockwise(w, packed, own, undefined, n / columns, columns, 32, 4, true),
  },
  {
    name: "magnitudeThreshold",
    bytes: 12 * n,
    arrays: [x],
    run: (on, [from]) => on.magnitudeThreshold([from], n / 2, range.subarray(0, 1)),
  },
  {
    name: "pruneNM, 2 of 4",
    bytes: 8 * n,
    arrays: [x, new Float32Array(n)],
    run: (on, [from, to]) => on.pruneNM(from, to, 2, 4, 1),
  },
  {
    name: "packBitmask",
    bytes: 8 * n + n / 8 + 2 * n,
    arrays: [x, new Uint8Array(n / 8), new Float32Array(n)],
    run: (on, [from, bits, stored]) => on.packBitmask(from, bits, stored, columns, count),
  },
];

/** @param {() => void} run */
function measure(run) {
  run();
  const all = Array.from({ length: turns }, () => {
    const before = performance.now();
    run();
    return { ...cudaTimes(), passed: performance.now() - before };
  });
  return all.sort((a, b) => a.passed - b.passed)[turns >> 1] ?? { ...cudaTimes(), passed: 0 };
}

/** @param {number} value */
const ms = (value) => value.toFixed(3).padStart(10);

console.log(`${device.name}, ${n} elements; medians of ${turns}
                           | on the device                   | from and to main memory, ms
operation                  | kernels ms    GB/s  of its limit |  to device    kernels    to host     passed`);
for (const { name, bytes, arrays, run } of cases) {
  const buffers = arrays.map((array) => DeviceBuffer.upload(array));
  const { kernels } = measure(() => run(cuda, buffers));
  for (const buffer of buffers) buffer.dispose();
  const host = measure(() => run(backend, arrays));
  const perSecond = bytes / (kernels / 1000);
  const share =
    device.bytesPerSecond > 0 ? `${((100 * perSecond) / device.bytesPerSecond).toFixed(0)} %` : "-";
  console.log(
    `${name.padEnd(26)} | ${ms(kernels)} ${(perSecond / 1e9).toFixed(0).padStart(7)} ${share.padStart(13)} |` +
      `${ms(host.toDevice)} ${ms(host.kernels)} ${ms(host.toHost)} ${ms(host.passed)}`,
  );
}

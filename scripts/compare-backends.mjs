// Compares every backend with plain JavaScript, byte for byte, on random bit patterns and near ties, for as long as asked.
// The tests do this for a second; this is for a long run, and for machines that cannot run the tests (an emulated one).
//   node scripts/compare-backends.mjs [--rounds N] [--seed N]
import { parseArgs } from "node:util";
import { backends } from "modelpress";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const natives = backends().slice(0, -1);
const [js] = backends().slice(-1);
if (js?.name !== "js" || natives.length === 0)
  throw new Error("There is no native backend to compare with js");

const SCALES = [
  1,
  0.1,
  1 / 3,
  3.7e-5,
  2 ** -64,
  2 ** -65,
  2 ** 64,
  2 ** 65,
  2 ** -101,
  2 ** 101,
  3e38,
  1e-40,
  2 ** -149,
].map(Math.fround);
let state = Number(values.seed) >>> 0 || 1;

function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

function scaleAtRandom() {
  return SCALES[random() % SCALES.length] ?? 1;
}

/** @param {number} length */
function bitPatterns(length) {
  return new Uint32Array(length).map(random);
}

/**
 * Half of it any bits, half of it within two floats of a tie between two steps.
 * @param {number} length
 * @param {(i: number) => number} scale
 */
function floats(length, scale) {
  const bits = bitPatterns(length);
  const x = new Float32Array(bits.buffer);
  for (let i = 0; i < length; i += 2) {
    x[i] = (random() % 1040) * 0.5 * scale(i) * (random() % 2 ? 1 : -1);
    if (random() % 2) bits.set([(bits[i] ?? 0) + (random() % 5) - 2], i);
  }
  return x;
}

/** @param {ArrayBufferView} a */
function bytes(a) {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength);
}

let compared = 0;

/** @typedef {import("modelpress").Backend} Backend */

/**
 * @param {string} title
 * @param {(backend: Backend) => ArrayBufferView} run
 */
function compare(title, run) {
  const expected = bytes(run(/** @type {Backend} */ (js)));
  for (const backend of natives) {
    const actual = bytes(run(backend));
    compared += actual.length;
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    if (at < 0) continue;
    throw new Error(`${title} on ${backend.name}: byte ${at} is ${actual[at]}, js has ${expected[at]}`);
  }
}

for (let round = 0; round < Number(values.rounds); round++) {
  const scale = scaleAtRandom();
  const channels = 1 + (random() % (round % 4 ? 40 : 200));
  const inner = 1 + (random() % (round % 4 ? (round % 3 ? 12 : 150) : 2));
  const length = (1 + (random() % 6)) * channels * inner;
  const scales = Float32Array.from({ length: channels }, scaleAtRandom);
  const signedPoints = new Int32Array(channels).map(() => (random() % 256) - 128);
  const points = signedPoints.map((point) => point + 128);
  const x = floats(length, () => scale);
  const perChannel = floats(length, (i) => scales[Math.floor(i / inner) % channels] ?? 1);
  const offset = random() % 8;
  const text = `scale ${scale}, [${length / channels / inner}, ${channels}, ${inner}], round ${round}`;

  for (const { name, Type, zeroPoints } of [
    { name: "int8", Type: Int8Array, zeroPoints: signedPoints },
    { name: "uint8", Type: Uint8Array, zeroPoints: points },
  ]) {
    const [zeroPoint = 0] = zeroPoints;
    const q = new Type(bitPatterns(length));
    compare(`quantizeLinear ${name}, ${text}`, (backend) => {
      const y = new Type(length + offset);
      backend.quantizeLinear(x, y.subarray(offset), scale, zeroPoint);
      return y;
    });
    compare(`quantizeLinearPerAxis ${name}, ${text}`, (backend) => {
      const y = new Type(length + offset);
      backend.quantizeLinearPerAxis(perChannel, y.subarray(offset), scales, zeroPoints, inner);
      return y;
    });
    compare(`dequantizeLinear ${name}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.dequantizeLinear(q, y.subarray(offset), scale, zeroPoint);
      return y;
    });
    compare(`dequantizeLinearPerAxis ${name}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.dequantizeLinearPerAxis(q, y.subarray(offset), scales, zeroPoints, inner);
      return y;
    });
  }
  for (const { name, bytes } of /** @type {const} */ ([
    { name: "Q8_0", bytes: 34 },
    { name: "Q4_0", bytes: 18 },
  ])) {
    const blocks = length >> 5;
    const quantized = new Uint8Array(bitPatterns((blocks * bytes + 3) >> 2).buffer, 0, blocks * bytes);
    compare(`quantizeGguf${name}, ${text}`, (backend) => {
      const y = new Uint8Array(blocks * bytes + offset);
      backend[`quantizeGguf${name}`](perChannel.subarray(0, blocks * 32), y.subarray(offset));
      return y;
    });
    compare(`dequantizeGguf${name}, ${text}`, (backend) => {
      const y = new Float32Array(blocks * 32 + offset);
      backend[`dequantizeGguf${name}`](quantized, y.subarray(offset));
      return y;
    });
  }
  const halves = new Uint16Array(bitPatterns((length + 1) >> 1).buffer, 0, length);
  for (const name of /** @type {const} */ (["float32ToFloat16", "float32ToBfloat16"]))
    compare(`${name}, ${text}`, (backend) => {
      const y = new Uint16Array(length + offset);
      backend[name](x, y.subarray(offset));
      return y;
    });
  for (const name of /** @type {const} */ (["float16ToFloat32", "bfloat16ToFloat32"]))
    compare(`${name}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend[name](halves, y.subarray(offset));
      return y;
    });
  const bias = new Int32Array(bitPatterns(length).buffer);
  compare(`dequantizeLinear int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinear(bias, y, scale, 0);
    return y;
  });
  compare(`dequantizeLinearPerAxis int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinearPerAxis(bias, y, scales, new Int32Array(channels), inner);
    return y;
  });
  const bins = 1 + (random() % (round % 8 ? 200 : 5000));
  const histogramText = `histogram of ${bins} bins, ${text}`;
  const width = Math.fround(scale / 8);
  if (width >= 2 ** -140 && width * bins < 2 ** 120)
    for (const min of [0, -width * (random() % bins)])
      compare(histogramText, (backend) => {
        const counts = new Float64Array(bins);
        backend.histogram(x, min, min + width * bins, counts);
        return counts;
      });
  for (const values of [x, x.map((value) => (Number.isNaN(value) ? -0 : value))]) {
    compare(`minMax, ${text}`, (backend) => {
      const range = new Float32Array(2);
      backend.minMax(values, range);
      return range;
    });
    compare(`summarize, ${text}`, (backend) => {
      const range = new Float32Array(2);
      const counts = new Float64Array(2);
      backend.summarize(values, range, counts);
      return Buffer.concat([Buffer.from(range.buffer), Buffer.from(counts.buffer)]);
    });
    compare(`minMaxPerAxis, ${text}`, (backend) => {
      const ranges = new Float32Array(2 * channels);
      backend.minMaxPerAxis(values, ranges.subarray(0, channels), ranges.subarray(channels), inner);
      return ranges;
    });
  }
}
console.log(
  `${backends()
    .map((backend) => backend.name)
    .join(", ")}: ${compared} bytes equal`,
);

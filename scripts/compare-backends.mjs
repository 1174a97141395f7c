// Compares every backend with plain JavaScript, byte for byte, on random bit patterns and near ties, for as long as asked.
// The tests do this for a second; this is for a long run, and for machines that cannot run the tests (an emulated one).
//   node scripts/compare-backends.mjs [--rounds N] [--seed N]
import { parseArgs } from "node:util";
import { backends, ELEMENT_TYPES } from "modelpress";

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
const QUANTIZED = /** @type {const} */ ([
  { name: "int8", Type: Int8Array, bits: 8, lowest: -128 },
  { name: "uint8", Type: Uint8Array, bits: 8, lowest: 0 },
  { name: "int16", Type: Int16Array, bits: 16, lowest: -32768 },
  { name: "uint16", Type: Uint16Array, bits: 16, lowest: 0 },
  { name: "int4", Type: Uint8Array, bits: 4, lowest: -8 },
  { name: "uint4", Type: Uint8Array, bits: 4, lowest: 0 },
]);
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
  const x = floats(length, () => scale);
  const perChannel = floats(length, (i) => scales[Math.floor(i / inner) % channels] ?? 1);
  const halves = new Uint16Array(bitPatterns(length));
  const offset = random() % 8;
  const text = `scale ${scale}, [${length / channels / inner}, ${channels}, ${inner}], round ${round}`;

  const blockSize = 1 + (random() % 40);
  const blockScales = Float32Array.from(
    { length: (length / channels) * Math.ceil(channels / blockSize) },
    scaleAtRandom,
  );
  for (const [floatType, inputs] of /** @type {const} */ ([
    ["float32", [x, perChannel]],
    ["float16", [halves, halves]],
    ["bfloat16", [halves, halves]],
  ]))
    for (const { name, Type, bits, lowest } of QUANTIZED) {
      const { [floatType]: f, [name]: q } = ELEMENT_TYPES;
      const pointAtRandom = () => lowest + (random() % 2 ** bits);
      const zeroPoint = pointAtRandom();
      const zeroPoints = new Int32Array(channels).map(pointAtRandom);
      const blockPoints = new Int32Array(blockScales.length).map(pointAtRandom);
      const elements = bits === 4 ? (length + 1) >> 1 : length;
      const steps = new Type(bitPatterns(elements));
      const Floats = floatType === "float32" ? Float32Array : Uint16Array;
      /** @type {[string, [number, number] | [Float32Array, Int32Array, number] | [Float32Array, Int32Array, number, number, number]][]} */
      const layouts = [
        ["", [scale, zeroPoint]],
        ["PerAxis", [scales, zeroPoints, inner]],
        ["Blocked", [blockScales, blockPoints, channels, inner, blockSize]],
      ];
      for (const [layout, parameters] of layouts) {
        const from = inputs[layout === "PerAxis" ? 1 : 0];
        compare(`quantizeLinear${layout} ${floatType} ${name}, ${text}`, (backend) => {
          const y = new Type(elements + offset);
          // @ts-expect-error the parameters are those of the layout
          backend[`quantizeLinear${layout}`](from, f, y.subarray(offset), q, ...parameters);
          return y;
        });
        compare(`dequantizeLinear${layout} ${name} ${floatType}, ${text}`, (backend) => {
          const y = new Floats(length + offset);
          // @ts-expect-error the parameters are those of the layout
          backend[`dequantizeLinear${layout}`](steps, q, y.subarray(offset), f, ...parameters);
          return y;
        });
      }
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
  for (const bits of [4, 8]) {
    const blockSize = 16 << (random() % 5);
    const transposed = random() % 2 === 0;
    const symmetric = random() % 2 === 0;
    const blocks = Math.ceil(inner / blockSize);
    const cols = length / inner;
    const layout = /** @type {const} */ ([inner, cols, blockSize, bits, transposed]);
    const sizes = [
      (cols * blocks * blockSize * bits) / 8,
      4 * cols * blocks,
      cols * Math.ceil((blocks * bits) / 8),
    ];
    const [packedBytes = 0, scaleBytes = 0, pointBytes = 0] = sizes;
    const name = `${bits} bits, blocks of ${blockSize}, ${inner} rows, ${cols} columns, ${transposed ? "transposed, " : ""}${text}`;
    /** @param {Uint8Array} all */
    const parts = (all) =>
      /** @type {const} */ ([
        all.subarray(scaleBytes, scaleBytes + packedBytes),
        new Float32Array(all.buffer, all.byteOffset, scaleBytes / 4),
        symmetric ? undefined : all.subarray(scaleBytes + packedBytes),
      ]);
    const total = scaleBytes + packedBytes + pointBytes;
    compare(`quantizeBlockwise ${name}`, (backend) => {
      const y = new Uint8Array(total).fill(99);
      backend.quantizeBlockwise(perChannel, ...parts(y), ...layout);
      return y;
    });
    compare(`fitBlockwise ${name}`, (backend) => {
      const y = new Uint8Array(total).fill(99);
      backend.quantizeBlockwise(perChannel, ...parts(y), ...layout);
      backend.fitBlockwise(perChannel, ...parts(y), ...layout);
      return y;
    });
    const quantized = new Uint8Array(bitPatterns((total + 3) >> 2).buffer, 0, total);
    compare(`dequantizeBlockwise ${name}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.dequantizeBlockwise(...parts(quantized), y.subarray(offset), ...layout);
      return y;
    });
  }
  const side = 1 + (random() % 70);
  const gram = new Float64Array(side * side);
  const height = length - (length % side);
  const mild = Float32Array.from({ length: height }, () => random() / 2 ** 31 - 1);
  compare(`accumulateGram of ${side} columns, ${text}`, (backend) => {
    const y = gram.slice();
    backend.accumulateGram(x.subarray(0, height), y, side, 0);
    return y;
  });
  js.accumulateGram(mild, gram, side, 0);
  for (let i = 0; i < side; i++)
    for (let j = 0; j <= i; j++) gram[i * side + j] = (gram[j * side + i] ?? 0) + (i === j ? 1 : 0);
  compare(`reversedCholesky of ${side}, ${text}`, (backend) => {
    const y = gram.slice();
    backend.reversedCholesky(y, side, 0);
    return y;
  });
  const kept = Uint8Array.from({ length: height }, () => random() & 1);
  const right = new Float64Array(height);
  compare(`accumulateProducts of ${side} columns, ${text}`, (backend) => {
    const y = right.slice();
    const outputs = height / side;
    if (outputs > 0) backend.accumulateProducts(x.subarray(0, side), x.subarray(0, outputs), y, side, 0);
    return y;
  });
  for (let i = 0; i < height; i++) right[i] = mild[i] ?? 0;
  const symmetric = gram.slice();
  for (let i = 0; i < side; i++)
    for (let j = 0; j <= i; j++) symmetric[j * side + i] = symmetric[i * side + j] ?? 0;
  compare(`fitKept of ${side} columns, ${text}`, (backend) => {
    const y = new Float32Array(height);
    backend.fitKept(symmetric, right, kept, y, side, 0);
    return y;
  });
  js.reversedCholesky(gram, side, 0);
  const order = Int32Array.from({ length: side }, (_, i) => side - 1 - i);
  const block = 1 + (random() % side);
  const parameters = (height / side) * Math.ceil(side / block);
  const gridScales = Float32Array.from({ length: parameters }, (_, i) => (1 + (i % 7)) / 64);
  const gridPoints = new Int32Array(parameters).map(() => random() % 16);
  for (const w of [mild, x.subarray(0, height)])
    compare(`compensateRounding of ${side} columns in blocks of ${block}, ${text}`, (backend) => {
      const y = new Uint8Array(height);
      backend.compensateRounding(w, y, gram, order, gridScales, gridPoints, block, 0, 15, 0);
      return y;
    });
  for (const w of [mild, x.subarray(0, height)])
    for (const of of [1, 2, 4].filter((size) => side % size === 0))
      compare(`compensatePruning of ${side} columns, 1 of ${of}, ${text}`, (backend) => {
        const y = new Float32Array(2 * height);
        const [pruned, costs] = [y.subarray(0, height), y.subarray(height)];
        backend.compensatePruning(w, kept.slice(), pruned, costs, gram, order, 0.1, 1, of, 0);
        return y;
      });
  const bias = new Int32Array(bitPatterns(length).buffer);
  compare(`dequantizeLinear int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinear(bias, ELEMENT_TYPES.int32, y, ELEMENT_TYPES.float32, scale, 0);
    return y;
  });
  compare(`dequantizeLinearPerAxis int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinearPerAxis(
      bias,
      ELEMENT_TYPES.int32,
      y,
      ELEMENT_TYPES.float32,
      scales,
      new Int32Array(channels),
      inner,
    );
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
  const k = 1 + (random() % length);
  const parts = [x.subarray(0, length >> 1), x.subarray(length >> 1)];
  compare(`magnitudeThreshold ${k}, ${text}`, (backend) => {
    const result = new Float32Array(1);
    backend.magnitudeThreshold(parts, k, result);
    return result;
  });
  compare(`pruneMagnitude ${k}, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.pruneMagnitude(parts, [y.subarray(0, length >> 1), y.subarray(length >> 1)], k);
    return y;
  });
  compare(`pruneToThreshold, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.pruneToThreshold([x], [y], Math.abs(scale));
    return y;
  });
  const of = 2 + (random() % 18);
  const keep = random() % (of + 1);
  const groups = floats(of * inner * (1 + (random() % 20)), () => scale);
  for (const run of [1, inner])
    compare(`pruneNM ${keep} of ${of}, inner ${run}, ${text}`, (backend) => {
      const y = new Float32Array(groups.length);
      backend.pruneNM(groups, y, keep, of, run);
      return y;
    });
  const thinned = x.map((value) => (random() % 4 ? 0 : value));
  for (const sparse of [thinned, new Uint16Array(thinned.buffer), new Uint8Array(thinned.buffer)]) {
    const columns = random() % 2 ? sparse.length : sparse.length / (length / inner);
    const row = Math.ceil(columns / 8);
    const bits = new Uint8Array((sparse.length / columns) * row);
    const width = sparse.BYTES_PER_ELEMENT;
    const values = sparse.slice();
    const mask = random();
    const count = new Float64Array(1);
    js.packBitmask(sparse, bits, values, columns, count);
    const packed = values.subarray(0, count[0]);
    compare(`packBitmask of ${width} bytes, ${columns} columns, ${text}`, (backend) => {
      const y = new Uint8Array(bits.length + packed.byteLength + offset * width);
      const room = sparse.slice(0, packed.length);
      backend.packBitmask(sparse, y.subarray(0, bits.length), room, columns, new Float64Array(1));
      y.set(bytes(room), bits.length);
      return y;
    });
    compare(`unpackBitmask of ${width} bytes, ${columns} columns, ${text}`, (backend) => {
      const y = sparse.map(() => 99);
      backend.unpackBitmask(bits, packed, y, columns, new Float64Array(1));
      return y;
    });
    compare(`countNonzero of ${width} bytes, ${text}`, (backend) => {
      const found = new Float64Array(1);
      backend.countNonzero(sparse, mask, found);
      return found;
    });
  }
  const row = channels * inner;
  for (const order of [1, 2]) {
    compare(`channelNorms ${order}, ${text}`, (backend) => {
      const norms = new Float64Array(channels);
      backend.channelNorms(x, norms, inner, order);
      return norms;
    });
    const blockRows = 1 + (random() % (length / row));
    const blockColumns = 1 + (random() % row);
    const blocks = Math.ceil(length / row / blockRows) * Math.ceil(row / blockColumns);
    const removed = random() % (blocks + 1);
    compare(`pruneBlocks ${removed} of ${blockRows} x ${blockColumns}, ${order}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.pruneBlocks(x, y.subarray(offset), row, blockRows, blockColumns, removed, order);
      return y;
    });
  }
  const offsets = new Int32Array(length / row + 1);
  js.csrOffsets(thinned, row, offsets);
  const stored = offsets.at(-1) ?? 0;
  const csr = /** @type {const} */ ([new Float32Array(stored), new Int32Array(stored), offsets]);
  js.toCsr(thinned, row, ...csr);
  compare(`toCsr, ${text}`, (backend) => {
    const y = new Uint8Array(8 * stored);
    const values = new Float32Array(y.buffer, 0, stored);
    backend.toCsr(thinned, row, values, new Int32Array(y.buffer, 4 * stored), offsets);
    return y;
  });
  compare(`fromCsr, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.fromCsr(...csr, y, row, new Float64Array(1));
    return y;
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

import type { Operations } from "../../backend.js";

const LARGEST = 2 ** 128 - 2 ** 104;
// The largest float32 below 0.5: added, it takes every tie away from zero, and nothing that is less than a tie.
const ALMOST_HALF = 0.5 - 2 ** -25;

/** The nearest integer in 0..most, ties away from zero; NaN gives 0. */
function stepOf(value: number, most: number): number {
  let v = value > 0 ? value : 0;
  v = v < most ? v : most;
  return Math.fround(v + ALMOST_HALF) | 0;
}

/** Sets element i of a column's steps or zero points; a high half that no element takes has been set before. */
function put(y: Uint8Array, start: number, i: number, bits: number, value: number): void {
  if (bits === 8) y[start + i] = value;
  else {
    const at = start + (i >> 1);
    y[at] = i & 1 ? (y[at]! & 15) | (value << 4) : (y[at]! & 240) | value;
  }
}

function get(x: Uint8Array, start: number, i: number, bits: number): number {
  return bits === 8 ? x[start + i]! : (x[start + (i >> 1)]! >> (i & 1 ? 4 : 0)) & 15;
}

export const quantizeBlockwise: Operations<void>["quantizeBlockwise"] = (
  w,
  packed,
  scales,
  zeroPoints,
  rows,
  cols,
  blockSize,
  bits,
  transposed,
) => {
  const blocks = Math.ceil(rows / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const bytes = blocks * blockBytes;
  const pointBytes = Math.ceil((blocks * bits) / 8);
  const rowStride = transposed ? 1 : cols;
  const colStride = transposed ? rows : 1;
  const mid = 2 ** (bits - 1);
  const most = 2 ** bits - 1;
  for (let block = 0; block < blocks; block++) {
    const first = block * blockSize;
    const count = Math.min(blockSize, rows - first);
    for (let col = 0; col < cols; col++) {
      const from = col * colStride + first * rowStride;
      let min = LARGEST;
      let max = -LARGEST;
      for (let i = 0, at = from; i < count; i++, at += rowStride) {
        const v = w[at]!;
        min = v < min ? v : min;
        max = v > max ? v : max;
      }

      let scale: number;
      let point = mid;
      if (zeroPoints === undefined) {
        scale = (Math.abs(max) > Math.abs(min) ? max : min) / -mid;
      } else {
        min = 0 < min ? 0 : min;
        max = max < 0 ? 0 : max;
        scale = Math.fround(Math.fround(max - min) / most);
        point = stepOf(scale !== 0 ? Math.fround(0 - Math.fround(min / scale)) : min, most);
        const start = col * pointBytes;
        if (bits === 4 && block % 2 === 0) zeroPoints[start + block / 2] = 0x80;
        put(zeroPoints, start, block, bits, point);
      }
      scale = Math.fround(scale);
      scales[col * blocks + block] = scale;

      const start = col * bytes;
      packed.fill(0, start + block * blockBytes, start + (block + 1) * blockBytes);
      const reciprocal = scale !== 0 ? Math.fround(1 / scale) : 0;
      for (let i = 0, at = from; i < count; i++, at += rowStride) {
        const v = Math.fround(Math.fround(w[at]! * reciprocal) + point);
        put(packed, start, first + i, bits, stepOf(v, most));
      }
      // onnxruntime takes the blocks in pairs, and leaves what it wrote last in the half that no row takes.
      if (bits === 4 && count % 2 !== 0 && rows % (2 * blockSize) !== 1)
        put(packed, start, rows, bits, packed[start + (rows >> 1) - 1]! >> 4);
    }
  }
};

export const dequantizeBlockwise: Operations<void>["dequantizeBlockwise"] = (
  packed,
  scales,
  zeroPoints,
  w,
  rows,
  cols,
  blockSize,
  bits,
  transposed,
) => {
  const blocks = Math.ceil(rows / blockSize);
  const bytes = (blocks * blockSize * bits) / 8;
  const pointBytes = Math.ceil((blocks * bits) / 8);
  const rowStride = transposed ? 1 : cols;
  const colStride = transposed ? rows : 1;
  for (let block = 0; block < blocks; block++) {
    const first = block * blockSize;
    const count = Math.min(blockSize, rows - first);
    for (let col = 0; col < cols; col++) {
      const scale = scales[col * blocks + block]!;
      const point =
        zeroPoints === undefined ? 2 ** (bits - 1) : get(zeroPoints, col * pointBytes, block, bits);
      for (let i = 0, at = col * colStride + first * rowStride; i < count; i++, at += rowStride) {
        const v = (get(packed, col * bytes, first + i, bits) - point) * scale;
        w[at] = Number.isNaN(v) ? NaN : v;
      }
    }
  }
};

const FACTORS = Array.from({ length: 16 }, (_, k) => (28 + k) / 32);

/** Of values in steps of a scale the levels, step - zero point, that they get with a scale smaller by this factor. */
function levelOf(u: number, factor: number, point: number, most: number): number {
  return stepOf(Math.fround(Math.fround(u * factor) + point), most) - point;
}

/** The factor of a block whose levels fit best; 0 if there is none. */
function bestFactor(u: Float32Array, count: number, point: number, most: number): number {
  let best = 0;
  let found = 0;
  for (const factor of FACTORS) {
    let a = 0;
    let b = 0;
    for (let i = 0; i < count; i++) {
      const l = levelOf(u[i]!, factor, point, most);
      const p = Math.fround(Math.abs(u[i]!) + 0.5);
      a = Math.fround(a + Math.fround(Math.fround(p * u[i]!) * l));
      b = Math.fround(b + Math.fround(Math.fround(p * l) * l));
    }
    const score = Math.fround(Math.fround(a * a) / b);
    if (!(score > best)) continue;
    best = score;
    found = factor;
  }
  return found;
}

/** What makes the levels as large as the values, on the average over them. */
function ratioOf(u: Float32Array, count: number, factor: number, point: number, most: number): number {
  let c = 0;
  let d = 0;
  for (let i = 0; i < count; i++) {
    c = Math.fround(c + Math.fround(u[i]! * levelOf(u[i]!, factor, point, most)));
    d = Math.fround(d + Math.fround(u[i]! * u[i]!));
  }
  return Math.fround(d / c);
}

export const fitBlockwise: Operations<void>["fitBlockwise"] = (
  w,
  packed,
  scales,
  zeroPoints,
  rows,
  cols,
  blockSize,
  bits,
  transposed,
) => {
  const blocks = Math.ceil(rows / blockSize);
  const bytes = (blocks * blockSize * bits) / 8;
  const pointBytes = Math.ceil((blocks * bits) / 8);
  const rowStride = transposed ? 1 : cols;
  const colStride = transposed ? rows : 1;
  const most = 2 ** bits - 1;
  const u = new Float32Array(blockSize);
  for (let block = 0; block < blocks; block++) {
    const first = block * blockSize;
    const count = Math.min(blockSize, rows - first);
    for (let col = 0; col < cols; col++) {
      const from = col * colStride + first * rowStride;
      const at = col * blocks + block;
      const point =
        zeroPoints === undefined ? 2 ** (bits - 1) : get(zeroPoints, col * pointBytes, block, bits);
      const perStep = scales[at] !== 0 ? Math.fround(1 / scales[at]!) : 0;
      for (let i = 0; i < count; i++) u[i] = w[from + i * rowStride]! * perStep;
      const factor = bestFactor(u, count, point, most);
      const ratio = ratioOf(u, count, factor, point, most);
      if (!(factor > 0 && ratio > 0.5 && ratio < 2)) continue;

      scales[at]! *= ratio;
      for (let i = 0; i < count; i++)
        put(packed, col * bytes, first + i, bits, levelOf(u[i]!, factor, point, most) + point);
    }
  }
};

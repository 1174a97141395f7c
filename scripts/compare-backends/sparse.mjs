import { bytes, compare, js } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareSparse(round) {
  const thinned = round.x.map((value) => (random() % 4 ? 0 : value));
  compareBitmasks(thinned, round);
  compareCsr(thinned, round);
}

/**
 * @param {Float32Array} thinned
 * @param {import("./random.mjs").Round} round
 */
function compareBitmasks(thinned, { inner, length, offset, text }) {
  const none = new Float32Array(length);
  for (const sparse of [thinned, new Uint16Array(thinned.buffer), new Uint8Array(thinned.buffer), none]) {
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
}

/**
 * @param {Float32Array} thinned
 * @param {import("./random.mjs").Round} round
 */
function compareCsr(thinned, { channels, inner, length, text }) {
  const row = channels * inner;
  const offsets = new Int32Array(length / row + 1);
  js.csrOffsets(thinned, row, offsets);
  compare(`csrOffsets, ${text}`, (backend) => {
    const y = offsets.map(() => 99);
    backend.csrOffsets(thinned, row, y);
    return y;
  });
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
}

import { compare, js } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareLinalg({ length, x: any, text }) {
  const side = 1 + (random() % 70);
  const height = length - (length % side);
  const x = any.subarray(0, height);
  const mild = Float32Array.from({ length: height }, () => random() / 2 ** 31 - 1);
  const kept = Uint8Array.from({ length: height }, () => random() & 1);
  compareSums(x, side, text);
  const gram = symmetricGram(mild, side);
  compareFits(gram, mild, kept, side, text);
  const m = gram.slice();
  js.reversedCholesky(m, side, 0);
  for (const w of [mild, x]) compareCompensated(w, kept, m, side, text);
}

/**
 * @param {Float32Array} x
 * @param {number} side
 * @param {string} text
 */
function compareSums(x, side, text) {
  compare(`accumulateGram of ${side} columns, ${text}`, (backend) => {
    const y = new Float64Array(side * side);
    backend.accumulateGram(x, y, side, 0);
    return y;
  });
  compare(`accumulateProducts of ${side} columns, ${text}`, (backend) => {
    const y = new Float64Array(x.length);
    const outputs = x.length / side;
    if (outputs > 0) backend.accumulateProducts(x.subarray(0, side), x.subarray(0, outputs), y, side, 0);
    return y;
  });
}

/**
 * Both triangles of a positive definite matrix.
 * @param {Float32Array} x
 * @param {number} side
 */
function symmetricGram(x, side) {
  const gram = new Float64Array(side * side);
  js.accumulateGram(x, gram, side, 0);
  for (let i = 0; i < side; i++)
    for (let j = 0; j <= i; j++) {
      const value = (gram[j * side + i] ?? 0) + (i === j ? 1 : 0);
      gram[i * side + j] = value;
      gram[j * side + i] = value;
    }
  return gram;
}

/**
 * @param {Float64Array} gram
 * @param {Float32Array} products
 * @param {Uint8Array} kept
 * @param {number} side
 * @param {string} text
 */
function compareFits(gram, products, kept, side, text) {
  compare(`reversedCholesky of ${side}, ${text}`, (backend) => {
    const y = gram.slice();
    backend.reversedCholesky(y, side, 0);
    return y;
  });
  compare(`fitKept of ${side} columns, ${text}`, (backend) => {
    const y = new Float32Array(kept.length);
    backend.fitKept(gram, Float64Array.from(products), kept, y, side, 0);
    return y;
  });
}

/**
 * @param {Float32Array} w
 * @param {Uint8Array} kept
 * @param {Float64Array} m
 * @param {number} side
 * @param {string} text
 */
function compareCompensated(w, kept, m, side, text) {
  const order = Int32Array.from({ length: side }, (_, i) => side - 1 - i);
  const block = 1 + (random() % side);
  const parameters = (w.length / side) * Math.ceil(side / block);
  const scales = Float32Array.from({ length: parameters }, (_, i) => (1 + (i % 7)) / 64);
  const points = new Int32Array(parameters).map(() => random() % 16);
  compare(`compensateRounding of ${side} columns in blocks of ${block}, ${text}`, (backend) => {
    const y = new Uint8Array(w.length);
    backend.compensateRounding(w, y, m, order, scales, points, block, 0, 15, 0);
    return y;
  });
  for (const of of [1, 2, 4].filter((size) => side % size === 0))
    compare(`compensatePruning of ${side} columns, 1 of ${of}, ${text}`, (backend) => {
      const y = new Float32Array(2 * w.length);
      const [pruned, costs] = [y.subarray(0, w.length), y.subarray(w.length)];
      backend.compensatePruning(w, kept.slice(), pruned, costs, m, order, 0.1, 1, of, 0);
      return y;
    });
}

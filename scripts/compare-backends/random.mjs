/** Numbers that are the same for the same seed. */

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

let state = 1;

/** @param {number} value */
export function seed(value) {
  state = value >>> 0 || 1;
}

export function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

export function scaleAtRandom() {
  return SCALES[random() % SCALES.length] ?? 1;
}

/** @param {number} length */
export function bitPatterns(length) {
  return new Uint32Array(length).map(random);
}

/**
 * Half of it any bits, half of it within two floats of a tie between two steps.
 * @param {number} length
 * @param {(i: number) => number} scale
 */
export function floats(length, scale) {
  const bits = bitPatterns(length);
  const x = new Float32Array(bits.buffer);
  for (let i = 0; i < length; i += 2) {
    x[i] = (random() % 1040) * 0.5 * scale(i) * (random() % 2 ? 1 : -1);
    if (random() % 2) bits.set([(bits[i] ?? 0) + (random() % 5) - 2], i);
  }
  return x;
}

/**
 * What the operations of a round work on: x as [outer, channels, inner].
 * @param {number} number
 */
export function roundOf(number) {
  const scale = scaleAtRandom();
  const channels = 1 + (random() % (number % 4 ? 40 : 200));
  const inner = 1 + (random() % (number % 4 ? (number % 3 ? 12 : 150) : 2));
  const length = (1 + (random() % 6)) * channels * inner;
  const scales = Float32Array.from({ length: channels }, scaleAtRandom);
  const x = floats(length, () => scale);
  const perChannel = floats(length, (i) => scales[Math.floor(i / inner) % channels] ?? 1);
  const halves = new Uint16Array(bitPatterns(length));
  const offset = random() % 8;
  const text = `scale ${scale}, [${length / channels / inner}, ${channels}, ${inner}], round ${number}`;
  return { number, scale, channels, inner, length, scales, x, perChannel, halves, offset, text };
}

/** @typedef {ReturnType<typeof roundOf>} Round */

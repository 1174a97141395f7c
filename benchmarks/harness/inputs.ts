import type { Data } from "./benchmark.js";

/** Bytes with no pattern: memory moves zeros faster than data. */
function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(length / 4) * 4);
  const block = new Uint32Array(bytes.buffer, 0, Math.min(bytes.length >> 2, 1 << 20));
  let state = 88172645;
  for (let i = 0; i < block.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[i] = state;
  }
  for (let end = block.byteLength; end < bytes.length; end += block.byteLength)
    bytes.copyWithin(end, 0, block.byteLength);
  return bytes.subarray(0, length);
}

/** n values spread over -2..2: with a scale of 0.016 none saturates, as in a calibrated model. */
export function randomFloats(n: number): Float32Array {
  const bits = new Uint32Array(randomBytes(4 * n).buffer);
  const x = new Float32Array(bits.buffer);
  for (let i = 0; i < n; i++) x[i] = bits[i]! / 2 ** 30 - 2;
  return x;
}

export function randomInt8(n: number): Int8Array {
  return new Int8Array(randomBytes(n).buffer, 0, n);
}

/** An output whose memory is there already. */
export function filled<A extends Data>(array: A): A {
  array.fill(1);
  return array;
}

/** n elements as nearly square as powers of two allow, 4096 channels on the last axis at most, and their scales. */
export function lastAxis(n: number) {
  let channels = Math.min(4096, 2 ** Math.floor(Math.log2(n) / 2));
  while (n % channels !== 0) channels /= 2;
  const scale = Float32Array.from({ length: channels }, (_, i) => 0.016 + (i % 100) / 10000);
  return { shape: [n / channels, channels], axis: 1, scale };
}

/** The same elements with their channels on the first axis. */
export function firstAxis(n: number) {
  const { shape, scale } = lastAxis(n);
  return { shape: shape.toReversed(), axis: 0, scale };
}

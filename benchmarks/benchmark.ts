import type { Backend } from "modelpress";

/** What bounds an operation on large arrays: the bytes it reads and writes per float32, as a loop that only moves them. */
export type Limit = "read" | "read4Write1" | "read1Write4" | "readTwice";

/** One operation on arrays of n elements; every backend gets the same input and a reused output. */
export interface Benchmark {
  name: string;
  limit: Limit;
  prepare(n: number): (backend: Backend) => void;
}

/** Bytes with no pattern: memory moves zeros faster than data. */
function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const block = new Uint32Array(bytes.buffer, 0, Math.min(length >> 2, 1 << 20));
  let state = 88172645;
  for (let i = 0; i < block.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[i] = state;
  }
  for (let end = block.byteLength; end < length; end += block.byteLength)
    bytes.copyWithin(end, 0, block.byteLength);
  return bytes;
}

/** n values spread over -2..2: with a scale of 0.016 none saturates, as in a calibrated model. */
export function randomFloats(n: number): Float32Array {
  const bits = new Uint32Array(randomBytes(4 * n).buffer);
  const x = new Float32Array(bits.buffer);
  for (let i = 0; i < n; i++) x[i] = bits[i]! / 2 ** 30 - 2;
  return x;
}

export function randomInt8(n: number): Int8Array {
  return new Int8Array(randomBytes(n).buffer);
}

/** An output whose memory is there already. */
export function filled<A extends Float32Array | Int8Array | Uint8Array>(array: A): A {
  array.fill(1);
  return array;
}

/** A shape of n elements with many channels on the last axis, and their scales. */
export function lastAxis(n: number) {
  const channels = Math.min(4096, n / 4);
  const scale = Float32Array.from({ length: channels }, (_, i) => 0.016 + (i % 100) / 10000);
  return { shape: [n / channels, channels], axis: 1, scale };
}

/** A seeded generator of 32-bit integers, so that a failing case can be run again. */
export function randomIntegers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Float32 values of any bits: NaNs of every payload, infinities, -0 and denormals among them. */
export function randomBitPatterns(length: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  return new Float32Array(Uint32Array.from({ length }, next).buffer);
}

/** Values on and within two floats of the ties between the steps of `scale`. */
export function nearTies(length: number, scale: number, seed: number): Float32Array {
  const next = randomIntegers(seed);
  const x = Float32Array.from({ length }, () => ((next() % 1040) - 519.5) * scale);
  const bits = new Int32Array(x.buffer);
  for (let i = 0; i < length; i++) bits[i]! += (next() % 5) - 2;
  return x;
}

import { setImmediate } from "node:timers/promises";
import { summarize } from "../../minmax/summarize.js";
import { pruneMagnitude } from "../../prune/prune-magnitude.js";

/** What is written stays in the cache, so that counting takes little more than reading. */
const CHUNK = 1 << 16;

/** How many magnitudes are at most `threshold`. */
export async function countUpTo(values: Float32Array, threshold: number): Promise<number> {
  const chunk = new Float32Array(Math.min(CHUNK, values.length));
  let count = 0;
  for (let begin = 0; begin < values.length; begin += CHUNK) {
    const part = values.subarray(begin, begin + CHUNK);
    const out = pruneMagnitude(part, { threshold, out: chunk.subarray(0, part.length) });
    count += summarize(out).zeros;
  }
  // Lets a signal or a timer in between two weights.
  await setImmediate();
  return count;
}

/** The largest float32 below a positive one. */
export function nextBelow(value: number): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0]!--;
  return new Float32Array(bits.buffer)[0]!;
}

import { magnitudeThresholdAsync } from "../../prune/magnitude-threshold.js";
import { pruneMagnitude } from "../../prune/prune-magnitude.js";
import { Scratch } from "../../scratch.js";
import { countUpTo, nextBelow } from "./count-magnitudes.js";
import { countZeros, type Mask, type MaskContext, smallestMask } from "./mask.js";
import { streamedThreshold } from "./streamed-threshold.js";
import type { Weight } from "./weight.js";

/**
 * Masks that take the smallest magnitudes of all weights together: exactly round(sparsity * values) of them are 0 afterwards, or as
 * many as were before where that is more. Of equal magnitudes those that come first go, in the order of the weights.
 *
 * @throws ModelFormatError TENSOR_INVALID for a weight that holds NaN or infinity; the signal's reason
 */
export async function magnitudeMasks(
  weights: readonly Weight[],
  sparsity: number,
  context: MaskContext,
): Promise<Mask[]> {
  const pool = new Pool(weights);
  const zeros: number[] = [];
  for (const [i, weight] of weights.entries()) zeros.push(await countZeros(weight, pool.values(i), context));
  const asked = Math.round(sparsity * pool.length);
  const threshold = await pool.threshold(asked, context);
  const counts: number[] = [];
  for (const i of weights.keys()) {
    counts.push(await countUpTo(pool.values(i), threshold));
    context.signal?.throwIfAborted();
    context.onWeight();
  }
  const whole = [...counts];
  // More zeros than asked for stay: nothing is to be brought back.
  if (threshold > 0) await keepLastTies(counts, pool, threshold, asked);
  return weights.map((weight, i) => {
    const [before, after] = [zeros[i]!, counts[i]!];
    if (after < whole[i]!) return smallestMask(weight, before, after);
    const apply: Mask["apply"] = (values, out) => void pruneMagnitude(values, { threshold, out });
    return { weight, zeros: { before, after }, apply };
  });
}

/** The values of weights that have one threshold: all at once where they lie so in the file, else one weight at a time. */
class Pool {
  readonly length: number;
  private readonly arrays: readonly Float32Array[] | undefined;
  private readonly scratch = new Scratch();

  constructor(private readonly weights: readonly Weight[]) {
    this.length = weights.reduce((sum, { count }) => sum + count, 0);
    if (weights.every(({ store }) => store === undefined)) this.arrays = weights.map((each) => each.load());
  }

  /** Good until those of another weight are asked for. */
  values(index: number): Float32Array {
    return this.arrays?.[index] ?? this.weights[index]!.load(this.scratch);
  }

  async threshold(k: number, { signal }: MaskContext): Promise<number> {
    if (k === 0) return 0;
    if (this.arrays) return magnitudeThresholdAsync(this.arrays, k / this.length, { signal });
    return streamedThreshold(() => this.parts(), k);
  }

  private *parts(): Generator<Float32Array> {
    for (const i of this.weights.keys()) yield this.values(i);
  }
}

/** Lowers the counts, the last first, by values that equal the threshold until they add up to what was asked for. */
async function keepLastTies(counts: number[], pool: Pool, threshold: number, asked: number): Promise<void> {
  let excess = counts.reduce((sum, count) => sum + count, 0) - asked;
  for (let i = counts.length - 1; excess > 0; i--) {
    const ties = counts[i]! - (await countUpTo(pool.values(i), nextBelow(threshold)));
    const kept = Math.min(excess, ties);
    counts[i]! -= kept;
    excess -= kept;
  }
}

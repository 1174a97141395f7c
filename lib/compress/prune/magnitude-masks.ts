import { lengthOf } from "../../prune/arrays.js";
import { magnitudeThresholdAsync } from "../../prune/magnitude-threshold.js";
import { pruneMagnitude } from "../../prune/prune-magnitude.js";
import { countUpTo, nextBelow } from "./count-magnitudes.js";
import { countZeros, type Mask, type MaskContext } from "./mask.js";
import type { Weight } from "./weight.js";

/**
 * Masks that take the smallest magnitudes of all weights together: exactly round(sparsity * values) of them are 0 afterwards, or as
 * many as were before where that is more. Of equal magnitudes those that come first go, in the order of the weights.
 *
 * @throws ModelFormatError TENSOR_INVALID for a weight that holds NaN; the signal's reason
 */
export async function magnitudeMasks(
  weights: readonly Weight[],
  sparsity: number,
  context: MaskContext,
): Promise<Mask[]> {
  const arrays = weights.map((weight) => weight.load());
  const zeros: number[] = [];
  for (const [i, weight] of weights.entries()) zeros.push(await countZeros(weight, arrays[i]!, context));
  const threshold = await magnitudeThresholdAsync(arrays, sparsity, { signal: context.signal });
  const counts: number[] = [];
  for (const array of arrays) {
    counts.push(await countUpTo(array, threshold));
    context.signal?.throwIfAborted();
    context.onWeight();
  }
  const whole = [...counts];
  const asked = Math.round(sparsity * lengthOf(arrays));
  // More zeros than asked for stay: nothing is to be brought back.
  if (threshold > 0) await keepLastTies(counts, arrays, threshold, asked);
  return weights.map((weight, i) => ({
    weight,
    zeros: { before: zeros[i]!, after: counts[i]! },
    apply(values, out) {
      if (counts[i] === whole[i]) pruneMagnitude(values, { threshold, out });
      else pruneMagnitude(values, { sparsity: counts[i]! / values.length, out });
    },
  }));
}

/** Lowers the counts, the last first, by values that equal the threshold until they add up to what was asked for. */
async function keepLastTies(
  counts: number[],
  arrays: readonly Float32Array[],
  threshold: number,
  asked: number,
): Promise<void> {
  let excess = counts.reduce((sum, count) => sum + count, 0) - asked;
  for (let i = arrays.length - 1; excess > 0; i--) {
    const ties = counts[i]! - (await countUpTo(arrays[i]!, nextBelow(threshold)));
    const kept = Math.min(excess, ties);
    counts[i]! -= kept;
    excess -= kept;
  }
}

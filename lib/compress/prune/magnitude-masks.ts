import { pruneMagnitude } from "../../prune/prune-magnitude.js";
import { Scratch } from "../../scratch.js";
import { type BinCounts, binOfRank, countAround, MagnitudeCounter, magnitudeAt } from "./magnitude-counts.js";
import { type Mask, type MaskContext, smallestMask } from "./mask.js";
import type { Weight } from "./weight.js";

/** What is known of a weight: how many values are 0, less than the threshold, and equal to it. */
interface Ranks {
  readonly zeros: number;
  readonly less: number;
  readonly equal: number;
}

/**
 * Masks that take the smallest magnitudes of all weights together: exactly round(sparsity * values) of them are 0 afterwards, or as
 * many as were before where that is more. Of equal magnitudes those that come first go, in the order of the weights. Each weight is
 * looked at twice, one at a time.
 *
 * @throws ModelFormatError TENSOR_INVALID for a weight that holds NaN or infinity; the signal's reason
 */
export async function magnitudeMasks(
  weights: readonly Weight[],
  sparsity: number,
  context: MaskContext,
): Promise<Mask[]> {
  const values = weights.reduce((sum, { count }) => sum + count, 0);
  const asked = Math.round(sparsity * values);
  const { threshold, ranks } = await rank(weights, asked, context);
  let left = asked - ranks.reduce((sum, { less }) => sum + less, 0);
  return weights.map((weight, i) => {
    const { zeros, less, equal } = ranks[i]!;
    // More zeros than asked for stay: nothing is to be brought back.
    const taken = threshold === 0 ? equal : Math.min(left, equal);
    left -= taken;
    if (taken < equal) return smallestMask(weight, zeros, less + taken);
    const apply: Mask["apply"] = (from, out) => void pruneMagnitude(from, { threshold, out });
    return { weight, zeros: { before: zeros, after: less + equal }, apply };
  });
}

/** Finds the k-th smallest magnitude, 0 where k is 0, by two passes that count by the upper and by the lower bits. */
async function rank(
  weights: readonly Weight[],
  k: number,
  context: MaskContext,
): Promise<{ threshold: number; ranks: Ranks[] }> {
  const counter = new MagnitudeCounter();
  const scratch = new Scratch();
  const uppers: (BinCounts & { zeros: number })[] = [];
  for (const weight of weights) uppers.push(await counter.countUpper(weight, weight.load(scratch), context));
  const upper = binOfRank(uppers, k);
  const lowers: BinCounts[] = [];
  for (const weight of weights) {
    lowers.push(await counter.countWithin(weight.load(scratch), upper.bin, context));
    context.onWeight();
  }
  const lower = binOfRank(lowers, k - upper.below);
  const ranks = uppers.map((counts, i) => {
    const { below, within } = countAround(lowers[i]!, lower.bin);
    return { zeros: counts.zeros, less: countAround(counts, upper.bin).below + below, equal: within };
  });
  return { threshold: magnitudeAt(upper.bin, lower.bin), ranks };
}

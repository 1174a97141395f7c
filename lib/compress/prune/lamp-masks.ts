import { Scratch } from "../../scratch.js";
import { LampScores, lampCounts } from "./lamp-counts.js";
import { MagnitudeCounter } from "./magnitude-counts.js";
import { type Mask, type MaskContext, smallestMask } from "./mask.js";
import type { Weight } from "./weight.js";

/**
 * Masks that take the values with the smallest LAMP score of all weights together: exactly round(sparsity * values) of them are 0
 * afterwards, or as many as were before where that is more. Within a weight these are its smallest magnitudes.
 *
 * @throws ModelFormatError TENSOR_INVALID for a weight that holds NaN or infinity; the signal's reason
 */
export async function lampMasks(
  weights: readonly Weight[],
  sparsity: number,
  context: MaskContext,
): Promise<Mask[]> {
  const counter = new MagnitudeCounter();
  const scratch = new Scratch();
  const zeros: number[] = [];
  const scores: LampScores[] = [];
  for (const weight of weights) {
    const counts = await counter.countUpper(weight, weight.load(scratch), context);
    zeros.push(counts.zeros);
    scores.push(new LampScores(counts));
    context.onWeight();
  }
  const values = weights.reduce((total, { count }) => total + count, 0);
  const counts = lampCounts(scores, Math.round(sparsity * values));
  return weights.map((weight, i) => smallestMask(weight, zeros[i]!, counts[i]!));
}
